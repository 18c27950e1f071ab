/* tests/support/tls.c: see tls.h. */
#include "tests/support/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_S = 86400, X509_VERSION_THREE = 2 };

struct tls {
	EVP_PKEY *ca_key;
	X509 *ca;
	SSL_CTX *contexts[TLS_CERTIFICATE_N];
};

static void must(int ok)
{
	if (!ok) {
		fprintf(stderr, "tests/support/tls.c: libcrypto failed\n");
		abort();
	}
}

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must(key != NULL);
	return key;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension && X509_add_ext(cert, extension, -1));
	X509_EXTENSION_free(extension);
}

struct form {
	const char *name, *alt_names; /* alt_names NULL: an authority */
	long from_s, until_s;         /* from now */
};

/* A certificate that lacks only the signature. issuer NULL: itself. */
static X509 *new_certificate(const struct form *form, EVP_PKEY *key, X509 *issuer)
{
	static long serial = 1;
	X509 *cert = X509_new();
	must(cert && X509_set_version(cert, X509_VERSION_THREE) &&
		ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++) &&
		X509_gmtime_adj(X509_getm_notBefore(cert), form->from_s) &&
		X509_gmtime_adj(X509_getm_notAfter(cert), form->until_s) && X509_set_pubkey(cert, key));
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
		(const unsigned char *)form->name, -1, -1, 0));
	must(X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)));
	extend(cert, issuer ? issuer : cert, NID_basic_constraints,
		form->alt_names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (form->alt_names)
		extend(cert, issuer ? issuer : cert, NID_subject_alt_name, form->alt_names);
	else
		extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	return cert;
}

static SSL_CTX *new_context(struct tls *tls, const struct form *form, int is_self_signed)
{
	EVP_PKEY *key = new_key();
	X509 *cert = new_certificate(form, key, is_self_signed ? NULL : tls->ca);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	must(X509_sign(cert, is_self_signed ? key : tls->ca_key, EVP_sha256()));
	must(context && SSL_CTX_use_certificate(context, cert) && SSL_CTX_use_PrivateKey(context, key));
	X509_free(cert);
	EVP_PKEY_free(key);
	return context;
}

struct tls *tls_new(void)
{
	static const struct form authority = {"clario tests", NULL, -DAY_S, DAY_S};
	static const struct form forms[TLS_CERTIFICATE_N] = {
		[TLS_GOOD] = {"good", "IP:127.0.0.1,DNS:localhost", -DAY_S, DAY_S},
		[TLS_SELF_SIGNED] = {"self", "IP:127.0.0.1,DNS:localhost", -DAY_S, DAY_S},
		[TLS_OTHER_HOST] = {"other", "DNS:elsewhere.example", -DAY_S, DAY_S},
		[TLS_EXPIRED] = {"expired", "IP:127.0.0.1,DNS:localhost", -2 * DAY_S, -DAY_S},
		[TLS_NOT_YET] = {"not yet", "IP:127.0.0.1,DNS:localhost", DAY_S, 2 * DAY_S},
	};
	struct tls *tls = calloc(1, sizeof *tls);
	must(tls != NULL);
	tls->ca_key = new_key();
	tls->ca = new_certificate(&authority, tls->ca_key, NULL);
	must(X509_sign(tls->ca, tls->ca_key, EVP_sha256()));
	for (int i = 0; i < TLS_CERTIFICATE_N; i++)
		tls->contexts[i] = new_context(tls, &forms[i], i == TLS_SELF_SIGNED);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	for (int i = 0; i < TLS_CERTIFICATE_N; i++)
		SSL_CTX_free(tls->contexts[i]);
	X509_free(tls->ca);
	EVP_PKEY_free(tls->ca_key);
	free(tls);
}

void tls_write_ca(const struct tls *tls, const char *path)
{
	FILE *file = fopen(path, "we");
	must(file && PEM_write_X509(file, tls->ca) && fclose(file) == 0);
}

SSL_CTX *tls_context(const struct tls *tls, enum tls_certificate certificate)
{
	return tls->contexts[certificate];
}
