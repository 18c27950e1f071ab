/* spool/ctl/post.h: one POST to an http:// URL, for deliveries that are made for a test.
 *
 * Plain sockets and HTTP/1.0, so that the answer has no chunks and ends with the connection: what it talks to
 * is the nginx of the same host. TLS it leaves to curl, which can be given what is printed. Blocks, within a
 * time limit for each step. */
#ifndef SPOOL_CTL_POST_H
#define SPOOL_CTL_POST_H
#include "spool/base/buf.h"

struct post {
	const char *url;
	struct slice headers; /* lines, each with CRLF */
	struct slice body;
};
struct post_answer {
	int status;
	struct buf text;   /* all that came */
	struct slice body; /* in text */
};

/* INVALID: no such URL can be; NOTFOUND: no host of that name; IO: no connection, or no answer in HTTP. The
 * caller ends *answer with buf_release(&answer->text) whatever came of it. */
NODISCARD enum status post_send(const struct post *post, struct post_answer *answer, struct why *why);

#endif
