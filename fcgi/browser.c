/* fcgi/browser.c: see browser.h. */
#include "fcgi/browser.h"

#include "spool/base/origin.h"

#define METHODS "GET, HEAD, POST, OPTIONS"
#define HEADERS                                                                                              \
	"Authorization, Content-Type, Idempotency-Key, Last-Event-ID, traceparent, tracestate, "             \
	"X-Clario-Source, X-Delay, X-Priority, X-Run-At"
enum { PREFLIGHT_S = 600 };

static bool changes_something(struct slice method)
{
	return !slice_is(method, "GET") && !slice_is(method, "HEAD") && !slice_is(method, "OPTIONS");
}

/* A page of this host, or the person at the browser ("none"). Where the browser tells both, both must fit:
 * after a redirect by a stranger only one of them may still look right. */
static bool is_own(struct slice origin, struct slice site, struct slice host)
{
	if (origin.len && !origin_is_at(origin, host))
		return false;
	return !site.len || slice_is(site, "same-origin") || slice_is(site, "none");
}

/* A request without a Host has no name that could have been made to lead here. */
static bool is_our_host(const struct browser_rules *rules, struct slice host)
{
	return !host.len || host_is_fixed(host) || hosts_contain(rules->hosts, host);
}

static bool refuse_host(struct slice host, struct fault *fault)
{
	return fault_set(fault, PROBLEM_UNKNOWN_HOST, "Host",
		"this is not a host to reach this service by: %.*s; names go into http.hosts",
		(int)(host.len < 120 ? host.len : 120), host.p);
}

bool browser_allows(const struct browser_rules *rules, const struct request *request, struct fault *fault)
{
	struct slice origin = request->param[PARAM_ORIGIN], site = request->param[PARAM_SEC_FETCH_SITE],
		     host = request->param[PARAM_HOST];
	bool is_browser = origin.len || site.len, is_listed = origins_contain(rules->origins, origin);
	if (is_browser && !is_listed && changes_something(request->param[PARAM_METHOD]) &&
		!is_own(origin, site, host))
		return fault_set(fault, PROBLEM_CROSS_ORIGIN, origin.len ? "Origin" : "Sec-Fetch-Site",
			"pages of other origins may not do this; those that may go into http.cors-origins");
	/* A listed page is itself, whatever it calls this host; only a page that claims to be of this host
	 * may be one whose name was turned around. */
	if (((is_browser && !is_listed) || (rules->hosts && *rules->hosts)) && !is_our_host(rules, host))
		return refuse_host(host, fault);
	return true;
}

void browser_share(const struct browser_rules *rules, const struct request *request, struct reply *reply)
{
	struct slice origin = request->param[PARAM_ORIGIN];
	reply->varies_by_origin = rules->origins && *rules->origins;
	reply->readable_by = origins_contain(rules->origins, origin) ? origin : (struct slice)SLICE_INIT;
}

bool browser_is_preflight(const struct browser_rules *rules, const struct request *request)
{
	return slice_is(request->param[PARAM_METHOD], "OPTIONS") &&
	       request->param[PARAM_ACCESS_CONTROL_REQUEST_METHOD].len &&
	       origins_contain(rules->origins, request->param[PARAM_ORIGIN]);
}

void browser_preflight(struct reply *reply)
{
	reply->http_status = 204;
	reply_header(reply, "Access-Control-Allow-Methods", "%s", METHODS);
	reply_header(reply, "Access-Control-Allow-Headers", "%s", HEADERS);
	reply_header(reply, "Access-Control-Max-Age", "%d", PREFLIGHT_S);
}
