/* spool/base/jfind.h: one value of a JSON text by its path, without a tree: a tree can be fifty times the
 * size of its text, and a search looks at many texts. Pure.
 *
 * For text that a parser has accepted; any other gives some answer, and no harm. */
#ifndef SPOOL_BASE_JFIND_H
#define SPOOL_BASE_JFIND_H
#include "spool/base/buf.h"

/* dotted: names of members, and numbers of elements (from 0) where there is an array. Of members of one name
 * the last one counts. *raw: the value's bytes. false: there is none such. */
bool jfind(struct slice json, struct slice dotted, struct slice *raw);
/* What the bytes between the quotes of a string stand for, up to the first that stand for nothing. */
void jfind_text(struct slice inside, struct buf *out);

#endif
