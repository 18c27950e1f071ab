/* fcgi/reveal.h: `reveal=1` in a query: an answer that shows also what privacy.secret-fields hides. It takes
 * the scope operate, and leaves a line in the log that says who asked and for what. */
#ifndef FCGI_REVEAL_H
#define FCGI_REVEAL_H
#include "fcgi/app.h"
#include "fcgi/query.h"

#define REVEAL_PARAM "reveal"

/* Which mask the answer goes by, NULL when all is to be shown. false: *fault (400, 403). */
bool reveal_ask(const struct app *app, const struct request *request, const struct query *query,
	const struct mask **mask, struct fault *fault);
/* The same where nothing else may stand in the query. */
bool reveal_ask_only(
	const struct app *app, const struct request *request, const struct mask **mask, struct fault *fault);

#endif
