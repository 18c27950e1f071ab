/* tests/bench/noop.c SOCKET THREADS: a FastCGI handler that reads the body and answers at once.
 *
 * What nginx and libfcgi cost by themselves: the bench divides by it. Threads and backlog are as
 * clario-fcgi's are; it ends by SIGTERM. */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { BACKLOG = 1024, THREADS_MAX = 1024 };

static const char answer[] = "Content-Type: application/json; charset=utf-8\r\n"
			     "\r\n"
			     "{\"success\":true,\"phase\":2,\"message\":\"Phase 2 orchestration triggered\"}";

static void drain(FCGX_Stream *in)
{
	char block[4096];
	while (FCGX_GetStr(block, sizeof block, in) == sizeof block)
		;
}

static void *serve(void *arg)
{
	FCGX_Request request;
	if (FCGX_InitRequest(&request, *(int *)arg, 0) != 0)
		return NULL;
	while (FCGX_Accept_r(&request) == 0) {
		drain(request.in);
		FCGX_PutStr(answer, sizeof answer - 1, request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 0;
	if (threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: bench-noop SOCKET THREADS\n");
		return 2;
	}
	umask(0007);
	if (FCGX_Init() != 0)
		return 1;
	signal(SIGTERM, SIG_DFL); /* FCGX_Init put a handler there that only sets a flag */
	int listener = FCGX_OpenSocket(argv[1], BACKLOG);
	if (listener < 0)
		return 1;
	for (int i = 1; i < threads; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, serve, &listener) != 0)
			return 1;
		pthread_detach(thread);
	}
	serve(&listener);
	return 1;
}
