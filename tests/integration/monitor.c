/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor MONITOR PROBE: the real sekisho-monitor and sekisho-probe, in their jails, on devices of umockdev.
 * Runs under umockdev-wrapper. What umockdev cannot do (configure a device when `authorized` is written,
 * BLKROSET, a full netlink buffer) is proved on a real kernel in tests/vm.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/crypt/digest.h"
#include "lib/ipc/chan.h"
#include "tests/lib/mock_usb.h"
#include "tests/lib/monitor_client.h"

#define HUB "/sys/devices/usb1"
#define STICK HUB "/1-1"

static UMockdevTestbed *testbed;
static const char *monitor_path, *probe_path;
static char directory[] = "/tmp/sekisho-monitor-XXXXXX"; /* the run directory */
static int core = -1, failures;
static MonitorMessage message;
static int message_fd = -1;

static const MockUsb root_hub = {
	.sysname = "usb1", .authorized = "1\n", .busnum = 1, .devnum = 1, .product = 2};
static const MockUsb stick = {
	.sysname = "1-1", .parent = HUB, .authorized = "0\n", .busnum = 1, .devnum = 2, .product = 0x77};

#define CHECK(condition_)                                                                                    \
	do {                                                                                                 \
		int ok_ = (condition_);                                                                      \
		printf("%s %s:%d %s\n", ok_ ? "ok  " : "FAIL", __func__, __LINE__, #condition_);             \
		failures += !ok_;                                                                            \
	} while (0)

static const char *socket_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/monitor.sock", directory);
	return path;
}

static const char *flag_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/enforce", directory);
	return path;
}

static pid_t start_monitor(const char *client)
{
	const char *probe_user = geteuid() == 0 ? "nobody" : getlogin();
	pid_t pid;

	unlink(socket_path());
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(monitor_path, monitor_path, "--listen", socket_path(), "--client", client, "--probe",
			probe_path, "--probe-user", probe_user ? probe_user : "nobody", "--run", directory,
			"--also-writable", getenv("UMOCKDEV_DIR"), (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void stop_monitor(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int wait_for(uint16_t type)
{
	if (message_fd >= 0)
		close(message_fd);
	return monitor_client_wait(core, type, &message, &message_fd);
}

/* Facts of the device that USB_ADDED just told. Return: 1, or 0 when the probe died. */
static int wait_for_facts(MonitorMessage *ret_facts)
{
	int unused;

	return message_fd < 0 ? -EBADF
			      : monitor_client_wait(message_fd, SK_PROBE_USB_FACTS, ret_facts, &unused);
}

static void buses_deny_by_default(void)
{
	CHECK(strcmp(mock_read(testbed, HUB "/authorized_default"), "0") == 0);
	/* Set before a device is authorised: earlier it could hit the interface of the root hub itself. */
	CHECK(strcmp(mock_read(testbed, HUB "/interface_authorized_default"), "1") == 0);
}

static void all_that_is_present_is_told_in_order(void)
{
	MonitorMessage facts;

	CHECK(monitor_client_enumerate(core) == 0);
	CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1 && strcmp(message.usb_added.sysname, "usb1") == 0);
	CHECK(message.usb_added.root_hub == 1 && message.usb_added.parent[0] == 0);
	CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1 && strcmp(message.usb_added.sysname, "1-1") == 0);
	CHECK(strcmp(message.usb_added.parent, "usb1") == 0 && message.usb_added.present_at_start == 1);
	CHECK(wait_for_facts(&facts) == 1 && facts.usb_facts.state == SK_USB_FACTS_OK);
	CHECK(facts.usb_facts.vendor_id == 0x1d6b && facts.usb_facts.product_id == 0x77);
	CHECK(strcmp(facts.usb_facts.serial, "A-1") == 0);
	CHECK(wait_for(SK_MONITOR_INPUT_ADDED) == 1 && strcmp(message.input_added.sysname, "input3") == 0);
	CHECK(message.input_added.keyboard == 1 && message.input_added.pointer == 0);
	CHECK(strcmp(message.input_added.usb, "1-1") == 0);
	CHECK(wait_for(SK_MONITOR_ENUMERATED) == 1);
}

/* Learning touches nothing; enforcing denies; the flag for udev comes and goes. */
static void the_mode_is_switched_as_core_says(void)
{
	SkMonitorMode mode = {0};
	SkAnswer answer;

	CHECK(access(flag_path(), F_OK) != 0);
	CHECK(strcmp(mock_read(testbed, HUB "/authorized_default"), "1") == 0);
	mode.enforcing = 1;
	CHECK(monitor_client_mode(core, &mode, &answer) == 0);
	CHECK(access(flag_path(), F_OK) == 0);
	buses_deny_by_default();
	mode.enforcing = 0;
	CHECK(monitor_client_mode(core, &mode, &answer) == 0);
	CHECK(access(flag_path(), F_OK) != 0);
	CHECK(strcmp(mock_read(testbed, HUB "/authorized_default"), "1") == 0);
	mode.enforcing = 1;
	CHECK(monitor_client_mode(core, &mode, &answer) == 0);
}

static SkUsbApply order_for(const MockUsb *usb, uint8_t action)
{
	SkUsbApply order = {.busnum = (uint16_t)usb->busnum,
		.devnum = (uint16_t)usb->devnum,
		.action = action,
		.all_interfaces = 1};

	snprintf(order.sysname, sizeof(order.sysname), "%s", usb->sysname);
	mock_usb_digest(usb, order.descriptors_digest);
	return order;
}

static int apply(SkUsbApply order)
{
	SkAnswer answer = {0};
	int r = monitor_client_usb_apply(core, &order, &answer);

	printf("     answer %d: %s\n", r, answer.detail);
	return r;
}

static void hostile_orders_are_refused(void)
{
	static const char *const names[] = {
		"../1-1", "1-1/..", "../../../../etc", "", ".", "1-1:1.0", "1-1/1-1:1.0"};
	SkUsbApply order;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		order = order_for(&stick, SK_USB_ALLOW);
		snprintf(order.sysname, sizeof(order.sysname), "%s", names[i]);
		CHECK(apply(order) == -EINVAL);
	}
	order = order_for(&stick, SK_USB_ALLOW);
	memset(order.sysname, '1', sizeof(order.sysname));
	CHECK(apply(order) == -EINVAL);
	order = order_for(&stick, SK_USB_APPLY_MAX_);
	CHECK(apply(order) == -EINVAL);
	order = order_for(&stick, SK_USB_ALLOW);
	order.n_interfaces = 257;
	CHECK(apply(order) == -EINVAL);
	order = order_for(&stick, SK_USB_ALLOW);
	order.devnum++;
	CHECK(apply(order) == -ENODEV);
	order = order_for(&stick, SK_USB_ALLOW);
	strcpy(order.sysname, "1-7");
	CHECK(apply(order) == -ENODEV);
	order = order_for(&stick, SK_USB_ALLOW);
	order.descriptors_digest[31] ^= 1;
	CHECK(apply(order) == -ESTALE);
	CHECK(apply(order_for(&root_hub, SK_USB_BLOCK)) == -EPERM);
	CHECK(apply(order_for(&root_hub, SK_USB_REJECT)) == -EPERM);
	CHECK(strcmp(mock_read(testbed, STICK "/authorized"), "0") == 0);
	CHECK(strcmp(mock_read(testbed, HUB "/authorized"), "1") == 0);
}

static void exactly_the_granted_interfaces_are_authorised(void)
{
	SkUsbApply order = order_for(&stick, SK_USB_ALLOW);

	order.all_interfaces = 0;
	order.n_interfaces = 2;
	order.interfaces[0] = 1;
	order.interfaces[1] = 9; /* the device has no such interface */
	CHECK(apply(order) == 0);
	CHECK(strcmp(mock_read(testbed, STICK "/authorized"), "1") == 0);
	CHECK(strcmp(mock_read(testbed, STICK "/1-1:1.0/authorized"), "0") == 0);
	CHECK(strcmp(mock_read(testbed, STICK "/1-1:1.1/authorized"), "1") == 0);
	CHECK(strcmp(mock_read(testbed, "/sys/bus/usb/drivers_probe"), "1-1:1.1") == 0);
	CHECK(apply(order_for(&stick, SK_USB_BLOCK)) == 0);
	CHECK(strcmp(mock_read(testbed, STICK "/authorized"), "0") == 0);
	CHECK(apply(order_for(&stick, SK_USB_REJECT)) == 0);
	CHECK(strcmp(mock_read(testbed, STICK "/remove"), "1") == 0);
}

static struct timespec changed_at(const char *path)
{
	g_autofree char *root = umockdev_testbed_get_root_dir(testbed);
	g_autofree char *whole = g_strconcat(root, path, NULL);
	struct stat st = {0};

	CHECK(stat(whole, &st) == 0);
	return st.st_mtim;
}

static void a_device_at_work_is_only_narrowed(void)
{
	static const MockUsb busy = {.sysname = "1-2",
		.parent = HUB,
		.authorized = "1\n",
		.busnum = 1,
		.devnum = 3,
		.product = 0x78};
	/* As at the moment of its event: the port is there, the link from the device to it is not yet. */
	umockdev_testbed_set_attribute(testbed, HUB, "bConfigurationValue", "1\n");
	umockdev_testbed_set_attribute(testbed, HUB, "1-0:1.0/usb1-port2/connect_type", "hardwired\n");
	g_autofree char *path = mock_usb_add(testbed, &busy);
	g_autofree char *kept = mock_usb_add_interface(testbed, &busy, path, &(MockInterface){0, "1\n", 1});
	g_autofree char *refused =
		mock_usb_add_interface(testbed, &busy, path, &(MockInterface){1, "1\n", 1});
	SkUsbApply order = order_for(&busy, SK_USB_ALLOW);
	struct timespec device, interface;

	CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1 && strcmp(message.usb_added.sysname, "1-2") == 0);
	CHECK(message.usb_added.present_at_start == 0 && message.usb_added.uevent_usec > 0);
	CHECK(strcmp(message.usb_added.connect_type, "hardwired") == 0);
	mock_write(testbed, "/sys/bus/usb/drivers_probe", "untouched");
	device = changed_at(HUB "/1-2/authorized");
	interface = changed_at(HUB "/1-2/1-2:1.0/authorized");
	order.all_interfaces = 0;
	order.n_interfaces = 1;
	CHECK(apply(order) == 0);
	CHECK(changed_at(HUB "/1-2/authorized").tv_nsec == device.tv_nsec);
	CHECK(changed_at(HUB "/1-2/1-2:1.0/authorized").tv_nsec == interface.tv_nsec);
	CHECK(strcmp(mock_read(testbed, HUB "/1-2/1-2:1.1/authorized"), "0") == 0);
	CHECK(strcmp(mock_read(testbed, "/sys/bus/usb/drivers_probe"), "untouched") == 0);
	umockdev_testbed_uevent(testbed, path, "add");
	umockdev_testbed_uevent(testbed, path, "remove");
	CHECK(monitor_client_receive(core, 2000, &message, &message_fd) == 1);
	/* Not told a second time: the next thing heard is that it went. */
	CHECK(message.head.type == SK_MONITOR_USB_REMOVED && message.usb_removed.devnum == 3);
}

/* What was told but never ordered is told anew, and its descriptors are read from their beginning again. */
static void a_device_is_told_again_whole(void)
{
	MonitorMessage facts;

	for (int i = 0; i < 2; i++) {
		CHECK(monitor_client_enumerate(core) == 0);
		do
			CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1);
		while (strcmp(message.usb_added.sysname, "1-1") != 0);
		CHECK(wait_for_facts(&facts) == 1 && facts.usb_facts.state == SK_USB_FACTS_OK);
		CHECK(wait_for(SK_MONITOR_ENUMERATED) == 1);
	}
}

/* The monitor's only child, or 0. */
static pid_t only_child(pid_t monitor)
{
	char path[64], text[64] = "", *end = text;
	FILE *file;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)monitor, (int)monitor);
	file = fopen(path, "re");
	if (file && !fgets(text, sizeof(text), file))
		text[0] = 0;
	if (file)
		fclose(file);
	pid = (pid_t)strtol(text, &end, 10);
	return strspn(end, " ") == strlen(end) ? pid : 0;
}

/* The probe that waits: one that has done its job stays some moments. */
static pid_t warm_probe(pid_t monitor)
{
	pid_t last = 0;

	for (int tries = 0, same = 0; tries < 100 && same < 8; tries++) {
		pid_t pid = only_child(monitor);

		same = pid > 0 && pid == last ? same + 1 : 0;
		last = pid;
		usleep(50 * 1000);
	}
	return last;
}

static void a_probe_that_dies_or_hangs_costs_one_device(pid_t monitor)
{
	static const MockUsb
		first = {.sysname = "1-3", .parent = HUB, .authorized = "0\n", .busnum = 1, .devnum = 4},
		second = {.sysname = "1-4", .parent = HUB, .authorized = "0\n", .busnum = 1, .devnum = 5},
		third = {.sysname = "1-5", .parent = HUB, .authorized = "0\n", .busnum = 1, .devnum = 6};
	g_autofree char *paths[3] = {NULL};
	MonitorMessage facts;
	pid_t probe = warm_probe(monitor);

	CHECK(probe > 0 && kill(probe, SIGKILL) == 0);
	usleep(200 * 1000);
	paths[0] = mock_usb_add(testbed, &first);
	CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1 && wait_for_facts(&facts) == 1);
	usleep(200 * 1000);
	probe = warm_probe(monitor);
	CHECK(probe > 0 && kill(probe, SIGSTOP) == 0);
	paths[1] = mock_usb_add(testbed, &second);
	CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1 && strcmp(message.usb_added.sysname, "1-4") == 0);
	CHECK(wait_for_facts(&facts) == 0);
	paths[2] = mock_usb_add(testbed, &third);
	CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1 && wait_for_facts(&facts) == 1);
	g_free(paths[1]);
	g_free(paths[2]);
}

#define STORM 1000
#define GUST 4

/* umockdev gives up when its receiver is behind by ten messages, so the storm comes in gusts. */
static void a_storm_of_devices_is_told_completely(void)
{
	char names[STORM][32];
	int added = 0, told = 0, checked = 0;

	while (added < STORM) {
		for (int i = 0; i < GUST; i++, added++) {
			MockUsb usb = {.sysname = names[added],
				.parent = HUB,
				.authorized = "0\n",
				.busnum = 1,
				.devnum = 100 + (unsigned)added};

			snprintf(names[added], sizeof(names[added]), "1-10.%d.%d", 1 + added / 100,
				1 + added % 100);
			g_free(mock_usb_add(testbed, &usb));
		}
		for (; told < added && wait_for(SK_MONITOR_USB_ADDED) == 1; told++) {
			MonitorMessage facts;

			if (strcmp(message.usb_added.sysname, names[told]) != 0)
				break;
			checked += wait_for_facts(&facts) == 1;
		}
		if (told < added)
			break;
	}
	CHECK(told == STORM);
	CHECK(checked == STORM);
}

/* Whoever breaks the protocol loses the connection, and the monitor lives on. */
static void a_broken_message_ends_the_connection(void)
{
	SkHead head;
	SkUsbApply order = {0};

	sk_head_init(&head, 0x0999, sizeof(head));
	CHECK(monitor_client_send(core, &head, sizeof(head)) == 0);
	CHECK(wait_for(SK_MONITOR_ANSWER) == 0);
	close(core);
	core = monitor_client_connect(socket_path());
	sk_head_init(&order.head, SK_MONITOR_USB_APPLY, sizeof(order));
	CHECK(monitor_client_send(core, &order, sizeof(order) - 1) == 0);
	CHECK(wait_for(SK_MONITOR_ANSWER) == 0);
	close(core);
	core = monitor_client_connect(socket_path());
	CHECK(monitor_client_enumerate(core) == 0);
	CHECK(wait_for(SK_MONITOR_USB_ADDED) == 1 && strcmp(message.usb_added.sysname, "usb1") == 0);
	/* Only one at a time. */
	order.head.size = 0;
	int second = monitor_client_connect(socket_path()), unused;
	CHECK(second >= 0 && monitor_client_receive(second, 2000, &message, &unused) == 0);
	close(second);
}

static void a_disk_that_cannot_be_made_read_only_has_no_medium(void)
{
	g_autofree char *path = umockdev_testbed_add_device(testbed, "block", "sdq", STICK, "size", "2048\n",
		"removable", "1\n", "dev", "65:0\n", NULL, "DEVTYPE", "disk", "DEVNAME", "/dev/sdq", "MAJOR",
		"65", "MINOR", "0", NULL);
	SkBlockOrder order = {.major = 65};
	SkAnswer answer;
	int fd = -1;

	CHECK(wait_for(SK_MONITOR_BLOCK_ADDED) == 1 && strcmp(message.block_added.sysname, "sdq") == 0);
	CHECK(message.block_added.bus == SK_BUS_USB && strcmp(message.block_added.usb, "1-1") == 0);
	CHECK(message.block_added.medium_present == 0 && message.block_added.size == 0);
	strcpy(order.sysname, "sdq");
	CHECK(monitor_client_block(core, SK_MONITOR_BLOCK_OPEN, &order, &answer, &fd) < 0 && fd < 0);
	printf("     answer %d: %s\n", answer.result, answer.detail);
	order.writable = 1;
	CHECK(monitor_client_block(core, SK_MONITOR_BLOCK_PROBE, &order, &answer, &fd) == -EOPNOTSUPP);
	CHECK(monitor_client_block(core, SK_MONITOR_BLOCK_OPEN, &order, &answer, &fd) < 0 && fd < 0);
	order.writable = 0;
	order.minor = 1;
	CHECK(monitor_client_block(core, SK_MONITOR_BLOCK_OPEN, &order, &answer, &fd) == -ENODEV);
	strcpy(order.sysname, "../sdq");
	CHECK(monitor_client_block(core, SK_MONITOR_BLOCK_PROBE, &order, &answer, &fd) == -EINVAL);
	umockdev_testbed_uevent(testbed, path, "remove");
	CHECK(wait_for(SK_MONITOR_BLOCK_REMOVED) == 1);
}

/* The disk that carries / here, told by a mocked sysfs to be a USB stick. */
static void a_system_disk_is_internal_on_any_bus(void)
{
	SkBlockOrder order = {0};
	SkAnswer answer;
	struct stat st;
	char dev[32];
	int fd = -1;

	CHECK(stat("/", &st) == 0);
	if (major(st.st_dev) == 0) {
		puts("     / has no disk of its own here; tests/unit/monitor covers the table");
		return;
	}
	snprintf(dev, sizeof(dev), "%u:%u", major(st.st_dev), minor(st.st_dev));
	/* umockdev lists it among the character devices. */
	mock_link(testbed, "/sys/dev/block", dev, "../../devices/usb1/1-1/sdr");
	g_autofree char *path = umockdev_testbed_add_device(testbed, "block", "sdr", STICK, "size", "2048\n",
		"removable", "1\n", "dev", dev, NULL, "DEVTYPE", "disk", NULL);
	CHECK(wait_for(SK_MONITOR_BLOCK_ADDED) == 1 && message.block_added.bus == SK_BUS_INTERNAL);
	order.major = major(st.st_dev);
	order.minor = minor(st.st_dev);
	strcpy(order.sysname, "sdr");
	CHECK(monitor_client_block(core, SK_MONITOR_BLOCK_OPEN, &order, &answer, &fd) == -EPERM && fd < 0);
	CHECK(monitor_client_block(core, SK_MONITOR_BLOCK_EJECT, &order, &answer, &fd) == -EPERM);
	CHECK(apply(order_for(&stick, SK_USB_BLOCK)) == -EPERM);
	CHECK(apply(order_for(&stick, SK_USB_REJECT)) == -EPERM);
}

static void others_cannot_be_core(void)
{
	pid_t pid = start_monitor(geteuid() == 0 ? "nobody" : "root");
	int fd = monitor_client_connect(socket_path()), unused;

	CHECK(fd >= 0 && monitor_client_receive(fd, 5000, &message, &unused) == 0);
	close(fd);
	stop_monitor(pid);
}

static void add_first_devices(void)
{
	g_autofree char *hub_path = mock_usb_add(testbed, &root_hub);
	g_autofree char *path = mock_usb_add(testbed, &stick);
	g_autofree char *one = mock_usb_add_interface(testbed, &stick, path, &(MockInterface){0, "0\n", 0});
	g_autofree char *other = mock_usb_add_interface(testbed, &stick, path, &(MockInterface){1, "0\n", 0});
	g_autofree char *input = umockdev_testbed_add_device(testbed, "input", "input3", path,
		"capabilities/ev", "120013\n", "capabilities/key",
		"1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n", "capabilities/rel",
		"0\n", "capabilities/abs", "0\n", NULL, NULL);

	mock_write(testbed, "/sys/bus/usb/drivers_probe", "");
}

static void play_core(const char *client)
{
	pid_t monitor = start_monitor(client);

	core = monitor_client_connect(socket_path());
	CHECK(core >= 0);
	if (core < 0) {
		kill(monitor, SIGKILL);
		waitpid(monitor, NULL, 0);
		return;
	}
	all_that_is_present_is_told_in_order();
	the_mode_is_switched_as_core_says();
	a_device_is_told_again_whole();
	hostile_orders_are_refused();
	exactly_the_granted_interfaces_are_authorised();
	a_device_at_work_is_only_narrowed();
	a_probe_that_dies_or_hangs_costs_one_device(monitor);
	a_disk_that_cannot_be_made_read_only_has_no_medium();
	a_system_disk_is_internal_on_any_bus();
	a_storm_of_devices_is_told_completely();
	a_broken_message_ends_the_connection();
	stop_monitor(monitor);
}

int main(int argc, char **argv)
{
	if (argc != 3 || !getenv("LD_PRELOAD")) {
		fputs("usage: umockdev-wrapper monitor MONITOR PROBE\n", stderr);
		return 2;
	}
	monitor_path = argv[1];
	probe_path = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sk_crypt_init() < 0 || !mkdtemp(directory))
		return 1;
	testbed = umockdev_testbed_new();
	add_first_devices();
	play_core(geteuid() == 0 ? "root" : getlogin());
	others_cannot_be_core();
	unlink(socket_path());
	unlink(flag_path());
	rmdir(directory);
	g_object_unref(testbed);
	printf("%d failures\n", failures);
	return failures == 0 ? 0 : 1;
}
