/* spool/ctl/progress.c: see progress.h. */
#include "spool/ctl/progress.h"

#include "spool/base/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 40, REDRAW_US = 200000, LINE_US = 5000000 };

static void show_line(struct progress *p, uint64_t done, uint64_t total)
{
	int64_t now = clock_mono_us();
	if (p->shown_at_us == 0)
		p->shown_at_us = now; /* what is soon over needs no line */
	if (now - p->shown_at_us < LINE_US)
		return;
	p->shown_at_us = now;
	fprintf(stderr, "%s: %llu", p->what, (unsigned long long)done);
	if (total)
		fprintf(stderr, " of %llu", (unsigned long long)total);
	fputc('\n', stderr);
}

void progress_show(struct progress *p, uint64_t done, uint64_t total)
{
	static const char full[WIDTH + 1] = "########################################";
	int64_t now = clock_mono_us();
	bool is_terminal = isatty(STDERR_FILENO);
	if (!is_terminal && p->lines)
		show_line(p, done, total);
	if (!is_terminal || (p->is_shown && now - p->shown_at_us < REDRAW_US))
		return;
	if (total) {
		double share = done < total ? (double)done / (double)total : 1;
		fprintf(stderr, "\r%s [%-*.*s] %3.0f %%", p->what, WIDTH, (int)(share * WIDTH), full,
			share * 100);
	} else {
		fprintf(stderr, "\r%s %llu", p->what, (unsigned long long)done);
	}
	fflush(stderr);
	p->is_shown = true;
	p->shown_at_us = now;
}

void progress_show_to(void *arg, uint64_t done, uint64_t total)
{
	progress_show(arg, done, total);
}

void progress_clear(struct progress *p)
{
	if (p->is_shown)
		fputs("\r\033[K", stderr);
	p->is_shown = false;
}
