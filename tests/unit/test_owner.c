/* tests/unit/test_owner.c: clario-spool run by root on a spool that belongs to the daemons' user: it works as
 * that user, so that nothing in the spool becomes root's, and root cannot be led elsewhere by what lies in
 * there. */
#include "tests/support/unit.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OWNER = 65534 };

struct fixture {
	char dir[64];
	char out[16384];
};

static int shell(struct fixture *f, const char *command)
{
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	f->out[fread(f->out, 1, sizeof f->out - 1, pipe)] = '\0';
	int code = pclose(pipe);
	return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

/* "@" in args stands for the scratch directory. */
static void assert_run(struct fixture *f, const char *args, int code, const char *has)
{
	char command[1200];
	const char *b = getenv("B");
	size_t len = (size_t)snprintf(
		command, sizeof command, "'%s/clario-spool' -c %s/conf ", b && *b ? b : "build", f->dir);
	for (; *args && len < sizeof command - 80; args++)
		len += (size_t)snprintf(command + len, sizeof command - len, *args == '@' ? "%s" : "%.1s",
			*args == '@' ? f->dir : args);
	snprintf(command + len, sizeof command - len, " 2>&1");
	int got = shell(f, command);
	if (got != code || (has && !strstr(f->out, has)))
		fail_msg("%s: exit %d: %s", command, got, f->out);
}

static void assert_all_are_the_owners(struct fixture *f, const char *after)
{
	char command[200];
	snprintf(command, sizeof command, "find %s/spool ! -uid %d -o ! -gid %d -o -perm /007", f->dir, OWNER,
		OWNER);
	assert_int_equal(shell(f, command), 0);
	if (f->out[0])
		fail_msg("after %s these are not the owner's alone: %s", after, f->out);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char path[128], command[600];
	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-owner-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof path, "%s/conf", f->dir);
	FILE *conf = fopen(path, "we");
	assert_non_null(conf);
	fprintf(conf, "[spool]\npath = %s/spool\nmap-size = 16M\n", f->dir);
	fclose(conf);
	*state = f;
	if (getuid() != 0)
		return 0;
	snprintf(command, sizeof command,
		"chmod 755 %s && mkdir -m 2770 %s/spool && mkdir -m 700 %s/theirs %s/ours && chown %d:%d "
		"%s/spool "
		"%s/theirs",
		f->dir, f->dir, f->dir, f->dir, OWNER, OWNER, f->dir, f->dir);
	assert_int_equal(shell(f, command), 0);
	assert_run(f, "init", 0, "created a spool in ");
	return 0;
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static bool is_root(void)
{
	if (getuid() != 0)
		report("not looked at: who is not root has nothing to become\n");
	return getuid() == 0;
}

static void root__leaves_everything_to_the_owner(void **state)
{
	struct fixture *f = *state;
	static const char *const acts[] = {"stats", "pause", "resume", "verify", "backup @/theirs/copy",
		"compact", "repair", "restore @/theirs/copy --replace", "export --reveal @/theirs/text",
		"import @/theirs/text --replace"};
	char command[200];
	if (!is_root())
		return;
	assert_all_are_the_owners(f, "init");
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		/* what a tool that comes first has to make anew */
		snprintf(command, sizeof command, "rm -f %s/spool/lmdb/lock.mdb", f->dir);
		assert_int_equal(shell(f, command), 0);
		assert_run(f, acts[i], 0, NULL);
		assert_all_are_the_owners(f, acts[i]);
	}
}

static void root__is_told_why_a_path_is_closed(void **state)
{
	struct fixture *f = *state;
	static const char *const acts[] = {"backup @/ours/copy", "export --reveal @/ours/text",
		"restore @/ours/copy --replace", "import @/ours/text"};
	if (!is_root())
		return;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		assert_run(f, acts[i], 77, "started as root, it works as nobody, whom the spool belongs to");
	assert_run(f, "export >@/ours/text", 0, NULL); /* the shell has opened that one */
}

/* Whoever holds the daemons' user puts a link where the tool will write. */
static void root__follows_no_link_of_the_owners(void **state)
{
	struct fixture *f = *state;
	char command[700], path[128];
	struct stat sb;
	if (!is_root())
		return;
	snprintf(path, sizeof path, "%s/ours/roots", f->dir);
	snprintf(command, sizeof command,
		": >%s && chmod 600 %s && rm -f %s/spool/lmdb/lock.mdb && ln -s %s %s/spool/lmdb/lock.mdb",
		path, path, f->dir, path, f->dir);
	assert_int_equal(shell(f, command), 0);
	assert_run(f, "stats", 77, "works as nobody");
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_size, 0);
}

/* A spool of root's own is worked on as root, and others than root are who they are. */
static void root__stays_root_on_its_own(void **state)
{
	struct fixture *f = *state;
	if (!is_root())
		return;
	assert_run(f, "-s @/mine init", 0, "created a spool in ");
	assert_run(f, "-s @/mine backup @/ours/copy", 0, "copy: ");
	struct stat sb;
	char path[128];
	snprintf(path, sizeof path, "%s/mine/lmdb/data.mdb", f->dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_uid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(root__leaves_everything_to_the_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(root__is_told_why_a_path_is_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(root__follows_no_link_of_the_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(root__stays_root_on_its_own, setup, teardown),
	};
	return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
