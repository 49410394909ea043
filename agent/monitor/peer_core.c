/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/peer_core.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/monitor/block.h"
#include "agent/monitor/input.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/usb.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

static int on_enumerate(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Monitor *monitor = userdata;

	/* What the comparison finds is told below, in order, and not twice. */
	monitor->core_listens = false;
	usb_forget_waiting(monitor);
	usb_rescan(monitor);
	block_rescan(monitor);
	input_rescan(monitor);
	monitor->core_listens = true;
	monitor->enumerating = true;
	monitor->enumerate_cookie = message->cookie;
	usb_tell_all(monitor);
	block_tell_all(monitor);
	input_tell_all(monitor);
	core_tell_enumerated(monitor);
	return 0;
}

static int on_usb_apply(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	usb_order(userdata, (const SkUsbApply *)message);
	return 0;
}

static int on_block_order(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	block_order(userdata, (const SkBlockOrder *)message);
	return 0;
}

static int on_mode(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Monitor *monitor = userdata;
	const CoreOrder order = core_order(monitor, message);
	int r = mode_set(monitor, ((const SkMonitorMode *)message)->enforcing);

	core_answer(monitor, &order, r, r < 0 ? strerror(-r) : "", -1);
	return 0;
}

const SkMsgSpec core_orders[] = {
	{SK_MONITOR_MODE, 0, sizeof(SkMonitorMode), on_mode},
	{SK_MONITOR_ENUMERATE, 0, sizeof(SkHead), on_enumerate},
	{SK_MONITOR_USB_APPLY, 0, sizeof(SkUsbApply), on_usb_apply},
	{SK_MONITOR_BLOCK_PROBE, 0, sizeof(SkBlockOrder), on_block_order},
	{SK_MONITOR_BLOCK_OPEN, 0, sizeof(SkBlockOrder), on_block_order},
	{SK_MONITOR_BLOCK_EJECT, 0, sizeof(SkBlockOrder), on_block_order},
	{0},
};

static void drop(Monitor *monitor)
{
	monitor->core_source = sd_event_source_disable_unref(monitor->core_source);
	monitor->core = sk_chan_free(monitor->core);
	monitor->core_listens = false;
	monitor->enumerating = false;
	usb_forget_waiting(monitor);
}

/* Ends the connection from anywhere: its own event source notices and frees it. */
static void hang_up(Monitor *monitor)
{
	shutdown(sk_chan_fd(monitor->core), SHUT_RDWR);
	monitor->core_listens = false;
}

static void watch_for_room(Monitor *monitor)
{
	sd_event_source_set_io_events(
		monitor->core_source, EPOLLIN | (sk_chan_pending(monitor->core) ? EPOLLOUT : 0));
}

static void send_to_core(Monitor *monitor, const void *message, int fd)
{
	int r = sk_chan_send(monitor->core, message, &fd, fd < 0 ? 0 : 1);

	if (r == 0) {
		watch_for_room(monitor);
		return;
	}
	sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_PEER_LOST},
		"core cannot be told: %s", strerror(-r));
	hang_up(monitor);
}

void core_tell(Monitor *monitor, const void *message, int fd)
{
	if (monitor->core && monitor->core_listens)
		send_to_core(monitor, message, fd);
}

CoreOrder core_order(const Monitor *monitor, const SkHead *message)
{
	return (CoreOrder){.connection = monitor->connection, .cookie = message->cookie};
}

void core_answer(Monitor *monitor, const CoreOrder *order, int result, const char *detail, int fd)
{
	SkAnswer answer = {.result = result};

	if (!monitor->core || monitor->connection != order->connection)
		return;
	sk_head_init(&answer.head, SK_MONITOR_ANSWER, sizeof(answer));
	answer.head.cookie = order->cookie;
	if (detail)
		sk_str_copy(answer.detail, sizeof(answer.detail), detail);
	send_to_core(monitor, &answer, fd);
}

void core_tell_enumerated(Monitor *monitor)
{
	SkHead head;

	if (!monitor->enumerating || monitor->usb_waiting || monitor->n_preparing > 0)
		return;
	monitor->enumerating = false;
	sk_head_init(&head, SK_MONITOR_ENUMERATED, sizeof(head));
	head.cookie = monitor->enumerate_cookie;
	core_tell(monitor, &head, -1);
}

static int on_core(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	Monitor *monitor = userdata;
	int r = 1;

	if (revents & EPOLLOUT) {
		r = sk_chan_flush(monitor->core);
		if (r == 0)
			watch_for_room(monitor);
	}
	if (r >= 0 && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = sk_chan_dispatch(monitor->core, core_orders, monitor);
	else if (r == 0)
		r = 1;
	if (r > 0 || r == -EAGAIN)
		return 0;
	if (r == -EPROTO)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_PROTOCOL_BROKEN},
			"core broke the protocol; its connection ends");
	else
		sk_log_event(&(SkLogEvent){.priority = LOG_NOTICE, .id = SK_MESSAGE_PEER_LOST},
			"core is gone%s%s; devices stay denied by default", r < 0 ? ": " : "",
			r < 0 ? strerror(-r) : "");
	drop(monitor);
	return 0;
}

/* Has the present core closed its end, without our having read it yet? */
static bool is_dead(const SkChan *core)
{
	struct pollfd poller = {.fd = sk_chan_fd(core), .events = POLLIN};

	return poll(&poller, 1, 0) > 0 && poller.revents & (POLLHUP | POLLERR);
}

static int take_over(Monitor *monitor, SkChan *chan)
{
	int r = sd_event_add_io(
		monitor->event, &monitor->core_source, sk_chan_fd(chan), EPOLLIN, on_core, monitor);

	if (r < 0) {
		sk_chan_free(chan);
		return r;
	}
	monitor->core = chan;
	monitor->connection++;
	sk_log(LOG_INFO, "core is connected");
	return 0;
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	Monitor *monitor = userdata;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	own_chan SkChan *chan = peer < 0 ? NULL : sk_chan_new(peer);
	uid_t uid;
	pid_t pid;

	if (!chan || sk_chan_peer(chan, &uid, &pid) < 0)
		return 0;
	if (uid != monitor->core_uid) {
		sk_log(LOG_WARNING, "connection from process %d of user %u refused", (int)pid, uid);
		return 0;
	}
	if (monitor->core && !is_dead(monitor->core)) {
		sk_log(LOG_WARNING, "second connection from process %d refused", (int)pid);
		return 0;
	}
	if (monitor->core)
		drop(monitor);
	take_over(monitor, own_take(chan));
	return 0;
}

int core_listen(Monitor *monitor, int listen_fd)
{
	return sd_event_add_io(monitor->event, NULL, listen_fd, EPOLLIN, on_connect, monitor);
}
