/* tests/fuzz/fuzz_wire.c: bytes on clario-fcgi's socket. A connection of its own for each input, ended by the
 * peer after it: taken as the gate takes what is whole, and as a desk takes the rest. */
#include "tests/fuzz/fuzz.h"

#include "fcgi/wire.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* BEGIN_REQUEST cannot be written as a C string: 'B' stands for it, 'P' and 'S' for the headers of PARAMS and
 * STDIN records with the length in the next byte, 'E' for the empty one of the type after it. Other bytes are
 * as they are. */
const char *const fuzz_seeds[] = {
	"BP\x1a\x0e\x04REQUEST_METHODPOST\x01\x01"
	"ab"
	"EPS\x02{}ES",
	"BP\x14\x0e\x04REQUEST_METHODPOSTEPES",
	"BP\x10\x0c\x02"
	"CONTENT_TYPEabEPS\x04null",
	"BEPES",
	"BES",
	"P\x05hello",
	NULL,
};

static size_t spell(const uint8_t *data, size_t size, uint8_t *out, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < size && n + 16 < cap; i++) {
		static const uint8_t begin[] = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0};
		if (data[i] == 'B') {
			for (size_t k = 0; k < sizeof begin; k++)
				out[n++] = begin[k];
		} else if ((data[i] == 'P' || data[i] == 'S' || data[i] == 'E') && i + 1 < size) {
			uint8_t next = data[++i];
			bool is_empty = data[i - 1] == 'E';
			uint8_t type = (is_empty ? next : data[i - 1]) == 'P' ? 4 : 5;
			const uint8_t header[] = {1, type, 0, 1, 0, is_empty ? 0 : next, 0, 0};
			for (size_t k = 0; k < sizeof header; k++)
				out[n++] = header[k];
		} else {
			out[n++] = data[i];
		}
	}
	return n;
}

static struct opts opts;
static struct app app = {.opts = &opts};

static void begin(void)
{
	static int is_ready;
	struct why why;
	if (is_ready++)
		return;
	signal(SIGPIPE, SIG_IGN);
	must(opts_load(NULL, &opts, &why) == ST_OK);
	must(FCGX_Init() == 0);
	budget_init(&app.bodies, 1 << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[16384];
	struct wire wire;
	int pair[2];
	begin();
	size_t n = spell(data, size, bytes, sizeof bytes);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	must(send(pair[0], bytes, n, MSG_NOSIGNAL) == (ssize_t)n);
	shutdown(pair[0], SHUT_WR);
	wire_init(&wire, &app);
	wire_open(&wire, pair[1]);
	enum wire_sight sight = wire_look(&wire);
	if (sight == WIRE_WHOLE)
		must(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
	if ((sight == WIRE_WHOLE || sight == WIRE_BODY) && wire_take(&wire)) {
		must(wire.request.body.len <= (size_t)opts.http.max_body);
		wire_answer(&wire);
	}
	wire_close(&wire);
	must(atomic_load(&app.bodies.used) == 0);
	wire_release(&wire);
	close(pair[0]);
	return 0;
}
