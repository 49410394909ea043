/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/keeper.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "console/db/db.h"
#include "console/keys/epoch.h"
#include "console/keys/handover.h"
#include "console/keys/renew.h"
#include "console/rules/tell.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

/* Between looks without a notice. */
#define LOOK_MS 5000
/* Before a connection is made anew. */
#define PAUSE_MS 500

struct SkKeeper {
	const char *database;
	SkVault *vault;
	SkSigning *signing;
	SkDb *db; /* the thread's; NULL: not connected */
	bool listening, told;
	pthread_t thread;
	int end_fd;
	atomic_bool ending, lost;
};

static int say_alive(SkKeeper *keeper)
{
	return sk_db_exec(keeper->db, "UPDATE instances SET last_seen = $1 WHERE id = $2",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(sk_vault_instance(keeper->vault))), NULL);
}

/* Listens before it looks: what comes between them is told. The others learn where to hand over to. */
static int connect_anew(SkKeeper *keeper)
{
	int r = keeper->db ? 0 : sk_db_open(keeper->database, &keeper->db);

	if (r == 0)
		r = sk_db_listen(keeper->db, SK_EPOCH_CHANNEL);
	return r < 0 ? r : sk_handover_publish(keeper->db, keeper->vault);
}

static int tell_terminals(SkDb *db, void *userdata)
{
	const SkActor actor = {.db = db, .now = sk_time_now()};

	return sk_tell(&actor, &(SkAudience){.all = true});
}

/* What agents are to believe comes with their next poll (trust.h). */
static int follow_signing(SkKeeper *keeper)
{
	int r = sk_signing_follow(keeper->db, keeper->signing);

	if (r <= 0)
		return r;
	sk_log(LOG_NOTICE, "the keys that sign have changed");
	return sk_db_transact(keeper->db, tell_terminals, NULL);
}

static int keep_up(SkKeeper *keeper)
{
	SkEpochNews news = {0};
	int r = sk_epoch_apply(keeper->db, keeper->vault, &news);

	if (r == -ESTALE || r == -EXDEV) {
		atomic_store(&keeper->lost, true);
		return r;
	}
	if (r == 0 && news.applied > 0)
		sk_log(LOG_NOTICE, "the keys follow %llu changes of other instances, to epoch %llu",
			(unsigned long long)news.applied, (unsigned long long)sk_vault_epoch(keeper->vault));
	if (r == 0)
		r = sk_renew_run(keeper->db, keeper->vault);
	if (r == -EINPROGRESS)
		r = 0;
	if (r == 0)
		r = follow_signing(keeper);
	return r < 0 ? r : say_alive(keeper);
}

static void hear(void *userdata, const char *payload)
{
	*(bool *)userdata = true;
}

/* What came while we worked is not on the wire any more: libpq has it. */
static int look_until_quiet(SkKeeper *keeper)
{
	bool heard = true;
	int r = keeper->listening ? 0 : connect_anew(keeper);

	while (r == 0 && heard && !atomic_load(&keeper->ending)) {
		heard = false;
		r = keep_up(keeper);
		if (r == 0)
			r = sk_db_read_notices(keeper->db, hear, &heard);
	}
	keeper->listening = r == 0;
	return r;
}

static void wait_for(SkKeeper *keeper, int fd, int ms)
{
	struct pollfd fds[] = {{.fd = keeper->end_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	(void)poll(fds, SK_ARRAY_SIZE(fds), ms);
}

static void *work(void *userdata)
{
	SkKeeper *keeper = userdata;

	while (!atomic_load(&keeper->ending) && !atomic_load(&keeper->lost)) {
		int r = look_until_quiet(keeper);

		if (r < 0 && !keeper->told)
			sk_log(LOG_WARNING, "the keys do not follow the other instances: %s: %s",
				strerror(-r), sk_db_message(keeper->db));
		keeper->told = r < 0;
		wait_for(keeper, r < 0 ? -1 : sk_db_fd(keeper->db), r < 0 ? PAUSE_MS : LOOK_MS);
	}
	sk_db_free(own_take(keeper->db));
	return NULL;
}

int sk_keeper_new(const char *database, const SkHome *home, SkKeeper **ret_keeper)
{
	SkKeeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper)
		return -ENOMEM;
	keeper->database = database;
	keeper->vault = home->vault;
	keeper->signing = home->signing;
	keeper->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (keeper->end_fd < 0 || pthread_create(&keeper->thread, NULL, work, keeper) != 0) {
		if (keeper->end_fd >= 0)
			close(keeper->end_fd);
		free(keeper);
		return -EAGAIN;
	}
	*ret_keeper = keeper;
	return 0;
}

void sk_keeper_free(SkKeeper *keeper)
{
	if (!keeper)
		return;
	atomic_store(&keeper->ending, true);
	(void)eventfd_write(keeper->end_fd, 1);
	pthread_join(keeper->thread, NULL);
	close(keeper->end_fd);
	free(keeper);
}

bool sk_keeper_is_lost(const SkKeeper *keeper)
{
	return atomic_load(&keeper->lost);
}
