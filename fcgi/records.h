/* fcgi/records.h: the records of FastCGI 1.0 as bytes, without a socket and without libfcgi. Pure. */
#ifndef FCGI_RECORDS_H
#define FCGI_RECORDS_H
#include "spool/base/buf.h"

enum {
	RECORDS_LOOK_MAX = 64 << 10, /* bytes of a request that are looked at */
	RECORDS_HEADER = 8,
	RECORDS_CONTENT_MAX = 65528, /* of one record; a multiple of 8 needs no padding */
};

enum wire_sight {
	WIRE_NOTHING, /* no bytes yet */
	WIRE_PARTIAL, /* not all of the parameters yet */
	WIRE_BODY,    /* all of the parameters, and not all of the body, or more than can be seen */
	WIRE_WHOLE,   /* one request to its end */
	WIRE_BROKEN,  /* not the beginning of a request, or parameters that lie about their lengths */
	WIRE_ENDED,   /* the peer is gone */
};

/* What n bytes at p, the beginning of a connection or of a request on a kept one, are: PARTIAL, BODY, WHOLE
 * or BROKEN. The parameters are gathered in place, so the bytes are other ones afterwards. *params (may be
 * NULL): those of a BODY or WHOLE, which are then known to be well formed; *id: the request's. */
enum wire_sight records_look(uint8_t *p, size_t n, struct slice *params, uint16_t *id);

/* Take the next name-value pair off *params. false: there is none. */
bool records_next_param(struct slice *params, struct slice *name, struct slice *value);

/* A record's header; type as in <fastcgi.h>. content_len up to RECORDS_CONTENT_MAX; no padding. */
void records_header(uint8_t out[RECORDS_HEADER], int type, uint16_t id, size_t content_len);

/* The two records that end a request's output and the request: 24 bytes. */
enum { RECORDS_END = 24 };
void records_end(uint8_t out[RECORDS_END], uint16_t id);

#endif
