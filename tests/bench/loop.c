/* tests/bench/loop.c URL IN_FLIGHT JOBS: JOBS posts through one libcurl multi handle, IN_FLIGHT at a time,
 * and nothing else: as fast as a worker built on libcurl could be. One line of JSON tells how it went. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { IN_FLIGHT_MAX = 1024, WARM_DIVISOR = 10 };

static const char body[] =
	"{\"user_id\":\"bench-user-loop\",\"sync_id\":\"bench-sync-loop\",\"orders_count\":1250,"
	"\"inventory_items\":340,\"marketplace\":\"ATVPDKIKX0DER\","
	"\"note\":\"about two hundred bytes in all\"}";

static size_t forget(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * n;
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static CURL *make_call(const char *url, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, 30L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, forget);
	return easy;
}

/* Take what has ended; each that did begins anew while there is more to do. Returns how many ended. */
static long turn(CURLM *multi, long *left, long *errors)
{
	CURLMsg *message;
	long ended = 0;
	int queued;
	while ((message = curl_multi_info_read(multi, &queued))) {
		CURL *easy = message->easy_handle;
		long status = 0;
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		*errors += message->data.result != CURLE_OK || status != 200;
		curl_multi_remove_handle(multi, easy);
		ended++;
		if (*left > 0) {
			(*left)--;
			curl_multi_add_handle(multi, easy);
		} else {
			curl_easy_cleanup(easy);
		}
	}
	return ended;
}

static void run(const char *url, long in_flight, long jobs)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURLM *multi = curl_multi_init();
	long warm = jobs / WARM_DIVISOR, left = jobs + warm - in_flight, done = 0, errors = 0;
	double began = 0;
	int running;
	for (long i = 0; i < in_flight; i++)
		curl_multi_add_handle(multi, make_call(url, headers));
	while (done < jobs + warm && curl_multi_perform(multi, &running) == CURLM_OK) {
		done += turn(multi, &left, &errors);
		if (began == 0 && done >= warm) {
			began = now_s();
			jobs -= done - warm;
		}
		curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	printf("{\"jobs\":%ld,\"seconds\":%.3f,\"errors\":%ld}\n", jobs, now_s() - began, errors);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
}

int main(int argc, char **argv)
{
	long in_flight = argc == 4 ? strtol(argv[2], NULL, 10) : 0,
	     jobs = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	if (in_flight < 1 || in_flight > IN_FLIGHT_MAX || jobs < in_flight) {
		fprintf(stderr, "usage: bench-loop URL IN_FLIGHT JOBS\n");
		return 2;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	run(argv[1], in_flight, jobs);
	curl_global_cleanup();
	return 0;
}
