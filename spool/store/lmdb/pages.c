/* spool/store/lmdb/pages.c: the walk over trees, see pages.h. Layout: mdb.c of LMDB 0.9, MDB_node. */
#include "spool/store/lmdb/pages_layout.h"

enum { NODE_HEAD = 8, DEPTH_MAX = 32, KEY_MAX = 511 };
enum { NODE_BIG = 1, NODE_SUB = 2, NODE_DUP = 4 };

/* --- pages and nodes --- */

struct page {
	const uint8_t *p;
	unsigned flags, lower, upper, n;
};

struct node {
	struct slice key;
	unsigned flags;
	uint64_t child; /* of a branch */
	uint64_t size;  /* of a leaf's value */
	const uint8_t *data;
};

static const uint8_t *page_at(const struct pages *pages, uint64_t pgno)
{
	return pgno < pages->count ? pages->base + pgno * pages->page_bytes : NULL;
}

/* NULL: sound as far as its header goes. */
static const char *open_page(const struct pages *pages, uint64_t pgno, struct page *out)
{
	*out = (struct page){0};
	if (pgno < 2 || !page_at(pages, pgno))
		return "points outside the file";
	out->p = page_at(pages, pgno);
	out->flags = (unsigned)number_at(out->p + 10, 2);
	out->lower = (unsigned)number_at(out->p + 12, 2);
	out->upper = (unsigned)number_at(out->p + 14, 2);
	if (number_at(out->p, 8) != pgno)
		return "carries another page's number";
	if (out->flags != F_BRANCH && out->flags != F_LEAF)
		return "is of no kind that belongs here";
	if (out->lower < PAGE_HEAD || out->lower % 2 || out->lower > out->upper ||
		out->upper > pages->page_bytes)
		return "has impossible bounds";
	out->n = (out->lower - PAGE_HEAD) / 2;
	return out->n ? NULL : "is empty";
}

static bool node_at(const struct pages *pages, const struct page *page, size_t at, struct node *out)
{
	size_t room = pages->page_bytes;
	*out = (struct node){0};
	if (at % 2 || at < page->upper || at + NODE_HEAD > room)
		return false;
	const uint8_t *p = page->p + at;
	size_t key_len = number_at(p + 6, 2);
	out->flags = (unsigned)number_at(p + 4, 2);
	out->size = number_at(p, 2) | number_at(p + 2, 2) << 16;
	if (key_len > KEY_MAX || at + NODE_HEAD + key_len > room)
		return false;
	out->key = slice_of(p + NODE_HEAD, key_len);
	out->data = p + NODE_HEAD + key_len;
	if (page->flags == F_BRANCH) {
		out->child = out->size | (uint64_t)out->flags << 32;
		return true;
	}
	size_t here = out->flags & NODE_BIG ? 8 : out->size;
	return key_len > 0 && !(out->flags & ~(unsigned)(NODE_BIG | NODE_SUB)) &&
	       at + NODE_HEAD + key_len + here <= room;
}

static bool node_of(const struct pages *pages, const struct page *page, unsigned i, struct node *out)
{
	return node_at(pages, page, number_at(page->p + PAGE_HEAD + 2 * i, 2), out);
}

/* The pages of a value that stands outside its leaf. */
static const char *big_value(
	const struct pages *pages, const struct node *node, uint64_t *first, uint64_t *n, struct slice *value)
{
	*first = number_at(node->data, 8);
	*n = (PAGE_HEAD - 1 + node->size) / pages->page_bytes + 1;
	if (*first < 2 || *first >= pages->count || *n > pages->count - *first)
		return "has a value outside the file";
	const uint8_t *p = page_at(pages, *first);
	*value = slice_of(p + PAGE_HEAD, node->size);
	if (number_at(p, 8) != *first || number_at(p + 10, 2) != F_OVERFLOW || number_at(p + 12, 4) != *n)
		return "has a value whose first page is damaged";
	return NULL;
}

static int compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.p, b.p, len) : 0;
	return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

/* The list of free pages has numbers for keys, in the machine's order. */
static int compare_numbers(struct slice a, struct slice b)
{
	uint64_t x = a.len == 8 ? number_at((const uint8_t *)a.p, 8) : 0;
	uint64_t y = b.len == 8 ? number_at((const uint8_t *)b.p, 8) : 0;
	return x < y ? -1 : x > y;
}

static bool bit(const uint8_t *bits, uint64_t i)
{
	return bits && bits[i / 8] >> (i % 8) & 1;
}

bool pages_is_seen(const struct pages *pages, uint64_t pgno)
{
	return pgno < pages->count && bit(pages->seen, pgno);
}

bool pages_is_free(const struct pages *pages, uint64_t pgno)
{
	return pgno < pages->told && bit(pages->freed, pgno);
}

void pages_unsee(struct pages *pages, uint64_t pgno)
{
	if (pgno < pages->count)
		pages->seen[pgno / 8] &= (uint8_t) ~(1u << pgno % 8);
}

struct tour {
	struct pages *pages;
	const struct page_visit *visit;
	int (*order)(struct slice, struct slice);
	struct slice last; /* the last good key */
	uint64_t entries, branch_pages, leaf_pages, overflow_pages;
	uint64_t damaged;
	bool stopped;
};

static void damage(struct tour *t, uint64_t pgno, const char *what)
{
	t->damaged++;
	if (t->visit->damage)
		t->visit->damage(t->visit->arg, pgno, t->last, what);
}

static bool mark(struct tour *t, uint64_t pgno)
{
	if (!t->visit->marks)
		return true;
	if (bit(t->pages->seen, pgno))
		return false;
	t->pages->seen[pgno / 8] |= (uint8_t)(1 << pgno % 8);
	return true;
}

static bool take_value(struct tour *t, uint64_t pgno, const struct node *node, struct slice *value)
{
	uint64_t first, n;
	*value = slice_of(node->data, node->size);
	if (!(node->flags & NODE_BIG))
		return true;
	const char *bad = big_value(t->pages, node, &first, &n, value);
	for (uint64_t i = 0; !bad && i < n; i++)
		if (!mark(t, first + i))
			bad = "has a value on pages that are used twice";
	t->overflow_pages += bad ? 0 : n;
	if (bad)
		damage(t, pgno, bad);
	return !bad;
}

/* What LMDB gives a leaf's entry: its head, its key and its value or where that stands, made even. */
static size_t room_of(const struct node *node)
{
	size_t room = NODE_HEAD + node->key.len + (node->flags & NODE_BIG ? 8 : node->size);
	return room + room % 2;
}

/* LMDB keeps a leaf's entries without gaps at the page's end: those that the list names fill it from `upper`
 * on. If they do not, the list is not the one that was written, and there may be an entry that it does not
 * name. */
static void walk_leaf(
	struct tour *t, uint64_t pgno, const struct page *page, struct slice low, struct slice high)
{
	size_t room = 0;
	uint64_t damaged = t->damaged;
	t->leaf_pages++;
	for (unsigned i = 0; i < page->n && !t->stopped; i++) {
		struct node node;
		struct slice value;
		if (!node_of(t->pages, page, i, &node)) {
			damage(t, pgno, "has an entry that cannot be read");
			continue;
		}
		if ((low.len && t->order(node.key, low) < 0) || (high.len && t->order(node.key, high) >= 0) ||
			(t->last.len && t->order(node.key, t->last) <= 0))
			damage(t, pgno, "has a key out of order");
		else
			t->last = node.key;
		t->entries++;
		room += room_of(&node);
		if (take_value(t, pgno, &node, &value) && t->visit->entry &&
			!t->visit->entry(t->visit->arg, node.key, value))
			t->stopped = true;
	}
	if (!t->stopped && t->damaged == damaged && room != t->pages->page_bytes - page->upper)
		damage(t, pgno, "lists other entries than it holds");
}

static void walk_page(struct tour *t, uint64_t pgno, unsigned level, struct slice low, struct slice high);

static void walk_branch(struct tour *t, uint64_t pgno, const struct page *page, unsigned level,
	struct slice low, struct slice high)
{
	struct slice from = low;
	t->branch_pages++;
	for (unsigned i = 0; i < page->n && !t->stopped; i++) {
		struct node node, next;
		struct slice to = high;
		if (!node_of(t->pages, page, i, &node)) {
			damage(t, pgno, "has an entry that cannot be read");
			continue;
		}
		if (i > 0)
			from = node.key;
		if (i + 1 < page->n && node_of(t->pages, page, i + 1, &next))
			to = next.key;
		if (from.len && to.len && t->order(from, to) >= 0)
			damage(t, pgno, "has a key out of order");
		walk_page(t, node.child, level - 1, from, to);
	}
}

static void walk_page(struct tour *t, uint64_t pgno, unsigned level, struct slice low, struct slice high)
{
	struct page page;
	const char *bad = open_page(t->pages, pgno, &page);
	if (!bad && page.flags != (level > 1 ? F_BRANCH : F_LEAF))
		bad = "stands at the wrong height";
	if (!bad && !mark(t, pgno))
		bad = "is used twice";
	if (bad)
		damage(t, pgno, bad);
	else if (level > 1)
		walk_branch(t, pgno, &page, level, low, high);
	else
		walk_leaf(t, pgno, &page, low, high);
}

static void walk_tree(struct tour *t, const struct page_tree *tree)
{
	if (tree->root == PAGE_NONE) {
		if (tree->entries)
			damage(t, PAGE_NONE, "is said to have entries, and has no page");
		return;
	}
	if (tree->depth == 0 || tree->depth > DEPTH_MAX)
		damage(t, PAGE_NONE, "is said to be of an impossible height");
	else
		walk_page(t, tree->root, tree->depth, (struct slice)SLICE_INIT, (struct slice)SLICE_INIT);
	if (t->damaged || t->stopped)
		return;
	if (t->entries != tree->entries)
		damage(t, PAGE_NONE, "has another number of entries than its record tells");
	else if (t->branch_pages != tree->branch_pages || t->leaf_pages != tree->leaf_pages ||
		 t->overflow_pages != tree->overflow_pages)
		damage(t, PAGE_NONE, "has another number of pages than its record tells");
}

void pages_walk(struct pages *pages, const struct page_tree *tree, const struct page_visit *visit)
{
	struct tour t = {.pages = pages, .visit = visit, .order = compare};
	if (tree->is_there)
		walk_tree(&t, tree);
	else
		damage(&t, PAGE_NONE, "is not in the file");
}

/* The last entry of a page that is not after key; -1: all are after it; -2: the page is damaged. For a branch
 * the first key counts as smaller than any. */
static int find_in_page(
	const struct pages *pages, const struct page *page, struct slice key, struct node *out)
{
	int low = page->flags == F_BRANCH ? 1 : 0, high = (int)page->n - 1;
	struct node node;
	while (low <= high) {
		int middle = (low + high) / 2;
		if (!node_of(pages, page, (unsigned)middle, &node))
			return -2;
		if (compare(node.key, key) <= 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
	if (high < 0)
		return -1;
	return node_of(pages, page, (unsigned)high, out) ? high : -2;
}

enum status pages_get(
	const struct pages *pages, const struct page_tree *tree, struct slice key, struct slice *value)
{
	uint64_t pgno = tree->root, first, n;
	struct node node;
	*value = (struct slice)SLICE_INIT;
	if (!tree->is_there || tree->depth > DEPTH_MAX)
		return ST_CORRUPT;
	for (unsigned level = tree->depth; pgno != PAGE_NONE && level > 0; level--) {
		struct page page;
		if (open_page(pages, pgno, &page) || page.flags != (level > 1 ? F_BRANCH : F_LEAF))
			return ST_CORRUPT;
		int at = find_in_page(pages, &page, key, &node);
		if (at < 0)
			return at == -1 ? ST_NOTFOUND : ST_CORRUPT;
		if (level > 1) {
			pgno = node.child;
			continue;
		}
		if (!slice_eq(node.key, key))
			return ST_NOTFOUND;
		*value = slice_of(node.data, node.size);
		return node.flags & NODE_BIG && big_value(pages, &node, &first, &n, value) ? ST_CORRUPT
											   : ST_OK;
	}
	return ST_NOTFOUND;
}

/* --- the tree of trees, and the free list --- */

struct finder {
	struct pages *pages;
	const struct page_visit *visit;
};

static void tell_finder(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	const struct finder *f = arg;
	if (f->visit->damage)
		f->visit->damage(f->visit->arg, pgno, after, what);
}

static bool take_tree(void *arg, struct slice key, struct slice value)
{
	struct finder *f = arg;
	for (int i = 0; i < TREE_N; i++)
		if (slice_is(key, tree_names[i]) && value.len == DB_BYTES) {
			f->pages->trees[i] = page_tree_read((const uint8_t *)value.p);
			return true;
		}
	tell_finder(f, PAGE_NONE, key, "has a tree that is none of a spool's");
	return true;
}

void pages_find_trees(struct pages *pages, const struct page_visit *visit)
{
	struct finder f = {pages, visit};
	struct page_visit mine = {take_tree, tell_finder, &f, visit->marks};
	pages_walk(pages, &pages->main, &mine);
}

static bool take_free(void *arg, struct slice key, struct slice value)
{
	struct finder *f = arg;
	struct pages *pages = f->pages;
	const uint8_t *p = (const uint8_t *)value.p;
	uint64_t n = value.len >= 8 ? number_at(p, 8) : 0;
	if (key.len != 8 || value.len < 8 || n > (value.len - 8) / 8) {
		tell_finder(f, PAGE_NONE, key, "has an entry that cannot be read");
		return true;
	}
	for (uint64_t i = 0; i < n; i++) {
		uint64_t pgno = number_at(p + 8 + 8 * i, 8);
		const char *bad = pgno < 2 || pgno >= pages->told ? "names a page outside the file"
				  : bit(pages->freed, pgno)       ? "names a page twice"
				  : pages_is_seen(pages, pgno)    ? "names a page that is in use"
								  : NULL;
		if (bad)
			tell_finder(f, pgno, key, bad);
		else
			pages->freed[pgno / 8] |= (uint8_t)(1 << pgno % 8);
	}
	return true;
}

void pages_walk_free(struct pages *pages, const struct page_visit *visit)
{
	struct finder f = {pages, visit};
	struct page_visit mine = {take_free, tell_finder, &f, visit->marks};
	struct tour t = {.pages = pages, .visit = &mine, .order = compare_numbers};
	walk_tree(&t, &pages->free);
}

void pages_sift(const struct pages *pages, uint64_t pgno, const struct page_visit *visit)
{
	struct page page = {.p = page_at(pages, pgno), .flags = F_LEAF, .upper = PAGE_HEAD};
	uint64_t first, n;
	if (!page.p || pgno < 2)
		return;
	for (size_t at = PAGE_HEAD; at + NODE_HEAD < pages->page_bytes; at += 2) {
		struct node node;
		struct slice value;
		if (!node_at(pages, &page, at, &node) || (node.key.len != 8 && node.key.len != 16))
			continue;
		value = slice_of(node.data, node.flags & NODE_BIG ? 0 : node.size);
		if (node.flags & NODE_BIG)
			(void)big_value(pages, &node, &first, &n, &value); /* its checksum decides */
		visit->entry(visit->arg, node.key, value);
	}
}
