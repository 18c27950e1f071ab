/* tests/support/tls.h: a certificate authority of the test's own and servers' certificates, good and bad, for
 * a receiver at https://127.0.0.1. Made anew in each run; nothing of it is kept in files but what
 * tls_write_ca() writes. */
#ifndef TESTS_SUPPORT_TLS_H
#define TESTS_SUPPORT_TLS_H

enum tls_certificate {
	TLS_GOOD,        /* issued by the authority for 127.0.0.1 and localhost */
	TLS_SELF_SIGNED, /* for the same names, by nobody that is trusted */
	TLS_OTHER_HOST,  /* issued by the authority for elsewhere.example */
	TLS_EXPIRED,     /* issued by the authority, until yesterday */
	TLS_NOT_YET,     /* the same, from tomorrow on */
	TLS_CERTIFICATE_N
};

struct ssl_ctx_st;
struct tls;

struct tls *tls_new(void); /* the process ends if libcrypto cannot */
void tls_free(struct tls *tls);
/* The authority's certificate as a PEM file, for those who are to trust it. */
void tls_write_ca(const struct tls *tls, const char *path);
/* What a server needs to show that certificate. Borrowed. */
struct ssl_ctx_st *tls_context(const struct tls *tls, enum tls_certificate certificate);

#endif
