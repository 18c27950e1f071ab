/* tests/support/link.c: see link.h. */
#include "tests/support/link.h"

#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool link_open(struct link *link, int fd, SSL_CTX *context)
{
	*link = (struct link){.fd = fd};
	if (!context)
		return true;
	link->ssl = SSL_new(context);
	return link->ssl && SSL_set_fd(link->ssl, fd) == 1 && SSL_accept(link->ssl) == 1;
}

ssize_t link_recv(struct link *link, char *bytes, size_t cap)
{
	return link->ssl ? SSL_read(link->ssl, bytes, (int)cap) : recv(link->fd, bytes, cap, 0);
}

bool link_send(struct link *link, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = link->ssl ? SSL_write(link->ssl, bytes, (int)len)
				      : send(link->fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

bool link_send_text(struct link *link, const char *text)
{
	return link_send(link, text, strlen(text));
}

void link_will_reset(struct link *link)
{
	static const struct linger at_once = {1, 0};
	setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* Without a close_notify, as servers that mean harm do it: a client must bear that. */
void link_close(struct link *link)
{
	SSL_free(link->ssl);
	close(link->fd);
	*link = (struct link){.fd = -1};
}
