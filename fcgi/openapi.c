/* fcgi/openapi.c: GET /openapi.json. The document is a file of its own, put into the program as it is. */
#include "fcgi/handlers.h"

__asm__(".section .rodata\n"
	".global openapi_text\n"
	".global openapi_text_end\n"
	"openapi_text:\n"
	".incbin \"fcgi/openapi.json\"\n"
	"openapi_text_end:\n"
	".byte 0\n"
	".previous\n");

extern const char openapi_text[], openapi_text_end[];

void openapi_show(struct app *app, const struct request *request, struct reply *reply)
{
	(void)app;
	(void)request;
	reply->fixed_body = slice_of(openapi_text, (size_t)(openapi_text_end - openapi_text));
}
