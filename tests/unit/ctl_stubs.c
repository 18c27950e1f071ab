/* tests/unit/ctl_stubs.c: handlers that do nothing, so that the tool's tables can be linked and read without
 * the tool. */
#include "spool/ctl/ctl.h"

#define STUB(name)                                                                                           \
	int name(struct ctl *ctl)                                                                            \
	{                                                                                                    \
		(void)ctl;                                                                                   \
		return 0;                                                                                    \
	}
STUB(cmd_init)
STUB(cmd_list)
STUB(cmd_show)
STUB(cmd_workflow)
STUB(cmd_stats)
STUB(cmd_events)
STUB(cmd_steer)
STUB(cmd_enqueue)
STUB(cmd_apply)
STUB(cmd_undo)
STUB(cmd_plans)
STUB(cmd_operations)
STUB(cmd_pause)
STUB(cmd_receivers)
STUB(cmd_tokens)
STUB(cmd_token_change)
STUB(cmd_callers)
STUB(cmd_verify)
STUB(cmd_care)
STUB(cmd_export)
STUB(cmd_import)
STUB(cmd_forget)
STUB(cmd_webhook)
STUB(cmd_completion)
STUB(cmd_help)
STUB(cmd_explain)
STUB(cmd_stalled)
STUB(cmd_workers)
STUB(cmd_shape)
STUB(cmd_status)
STUB(cmd_top)
STUB(cmd_doctor)
