/* worker/jwt.h: JSON Web Tokens signed with HMAC-SHA256 (RFC 7519, RFC 7515 "HS256"), by libcrypto. Pure. */
#ifndef WORKER_JWT_H
#define WORKER_JWT_H
#include "spool/base/buf.h"

enum { JWT_LIFE_S = 300 };

/* header.claims.signature for a service acting for user_id; valid from now_s for JWT_LIFE_S. No audience:
 * receivers refuse tokens with one. ST_OK; NOMEM, FULL when out cannot hold it; IO when libcrypto fails. */
NODISCARD enum status jwt_sign(struct slice secret, struct slice user_id, int64_t now_s, struct buf *out);
void jwt_base64url(struct slice bytes, struct buf *out);

#endif
