/* spool/store/postgres/line.c: see verbs.h. */
#include "spool/store/postgres/verbs.h"

void line_leave(struct row *row, struct list *workflows)
{
	if (row->had_turn)
		list_bytes(workflows, row->job.workflow_id);
	row->had_turn = false;
}

/* Where nobody has the turn the first of the line gets it; one that cannot be read is set aside, and the next
 * round finds the one behind it. */
void lines_hand_on(struct tx *tx, const struct list *workflows)
{
	struct args args = ARGS_INIT;
	bool again = workflows->n > 0;
	arg_list(&args, workflows);
	while (again && tx->st == ST_OK) {
		again = false;
		PGresult *r = tx_query(tx,
			"SELECT DISTINCT ON (j.workflow) " ROW_STATE
			" FROM clario_job j WHERE j.workflow = ANY($1)"
			" AND j.is_ordered AND " ROW_LIVE " ORDER BY j.workflow, j.has_turn DESC, j.id",
			&args);
		for (int i = 0; r && i < PQntuples(r); i++) {
			struct row *row = row_of(tx, r, i, true);
			if (!row) {
				again = true;
			} else if (!row->job.has_turn) {
				row->job.has_turn = true;
				row_update(tx, row);
			}
		}
		PQclear(r);
	}
	args_release(&args);
}

bool line_is_taken(struct tx *tx, struct slice workflow)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, workflow);
	PGresult *r = tx_query(tx,
		"SELECT 1 FROM clario_job j WHERE j.workflow = $1 AND j.is_ordered AND " ROW_LIVE " LIMIT 1",
		&args);
	bool is = r && PQntuples(r) > 0;
	PQclear(r);
	args_release(&args);
	return is;
}
