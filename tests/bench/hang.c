/* tests/bench/hang.c PORT: a receiver that is dead in the worst way: it accepts connections, reads what
 * comes, and never answers. Each connection lasts until its caller gives up. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALLERS_MAX = 1024, BACKLOG = 1024 };

static int listen_at(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, BACKLOG) != 0) {
		perror("bench-hang");
		exit(1);
	}
	return fd;
}

static void drop_those_who_left(struct pollfd *fds, nfds_t *n)
{
	static char bytes[65536];
	for (nfds_t i = *n; i-- > 1;)
		if (fds[i].revents && read(fds[i].fd, bytes, sizeof bytes) <= 0) {
			close(fds[i].fd);
			fds[i] = fds[--*n];
		}
}

int main(int argc, char **argv)
{
	static struct pollfd fds[1 + CALLERS_MAX];
	long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	nfds_t n = 1;
	if (port < 1 || port > UINT16_MAX) {
		fprintf(stderr, "usage: bench-hang PORT\n");
		return 2;
	}
	fds[0] = (struct pollfd){.fd = listen_at((uint16_t)port), .events = POLLIN};
	while (poll(fds, n, -1) >= 0) {
		bool has_come = fds[0].revents && n <= CALLERS_MAX;
		drop_those_who_left(fds, &n);
		int fd = has_come ? accept(fds[0].fd, NULL, NULL) : -1;
		if (fd >= 0)
			fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return 1;
}
