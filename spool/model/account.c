/* spool/model/account.c: see account.h. */
#include "spool/model/account.h"

void account_set_name(struct account *account, struct slice name)
{
	size_t len = name.len <= JOB_TEXT_MAX ? name.len : JOB_TEXT_MAX;
	if (len)
		memcpy(account->name, name.p, len);
	account->name[len] = '\0';
}
