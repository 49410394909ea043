/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fleet/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

#include "tests/fleet/conn.h"

#define EVENTS 512

void fleet_loop_init(FleetLoop *loop, const char *authority)
{
	*loop = (FleetLoop){
		.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .tls = SSL_CTX_new(TLS_client_method())};
	if (loop->epoll_fd < 0 || !loop->tls || SSL_CTX_load_verify_file(loop->tls, authority) != 1) {
		fprintf(stderr, "no event loop, or no authority in %s\n", authority);
		exit(1);
	}
	SSL_CTX_set_min_proto_version(loop->tls, TLS1_3_VERSION);
	SSL_CTX_set_verify(loop->tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(loop->tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_session_cache_mode(loop->tls, SSL_SESS_CACHE_OFF);
	loop->turned = fleet_now_us() / FLEET_SLOT_US;
}

void fleet_loop_deinit(FleetLoop *loop)
{
	SSL_CTX_free(loop->tls);
	close(loop->epoll_fd);
	fleet_stats_clear(&loop->handshakes);
	fleet_stats_clear(&loop->lag);
}

static FleetTimer **slot_of(FleetLoop *loop, int64_t due)
{
	return &loop->wheel[(due / FLEET_SLOT_US) % FLEET_SLOTS];
}

void fleet_timer_disarm(FleetLoop *loop, FleetTimer *timer)
{
	if (timer->armed)
		DL_DELETE(*slot_of(loop, timer->due), timer);
	timer->armed = false;
}

void fleet_timer_arm(FleetLoop *loop, FleetTimer *timer, int64_t us_from_now)
{
	const int64_t most = (int64_t)(FLEET_SLOTS - 2) * FLEET_SLOT_US;

	fleet_timer_disarm(loop, timer);
	/* The slot that is being looked at is over for whoever comes now. */
	if (us_from_now < FLEET_SLOT_US)
		us_from_now = FLEET_SLOT_US;
	timer->due = fleet_now_us() + (us_from_now < most ? us_from_now : most);
	timer->armed = true;
	DL_APPEND(*slot_of(loop, timer->due), timer);
}

static void turn(FleetLoop *loop)
{
	int64_t slot = fleet_now_us() / FLEET_SLOT_US;

	for (; loop->turned < slot; loop->turned++) {
		FleetTimer **head = &loop->wheel[loop->turned % FLEET_SLOTS];

		while (*head) {
			FleetTimer *timer = *head;

			fleet_timer_disarm(loop, timer);
			fleet_stats_add(&loop->lag, fleet_now_us() - timer->due - FLEET_SLOT_US);
			timer->fn(timer);
		}
	}
}

void fleet_loop_run(FleetLoop *loop, int64_t until_us, const bool *stop)
{
	struct epoll_event events[EVENTS];

	while (!(stop && *stop) && fleet_now_us() < until_us) {
		int n = epoll_wait(loop->epoll_fd, events, EVENTS, FLEET_SLOT_US / 1000);

		for (int i = 0; i < n; i++)
			fleet_conn_ready(events[i].data.ptr);
		fleet_conn_free_ended(loop);
		turn(loop);
	}
}
