/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EQP-1: nobody gets in without a password, and the PC signs nobody in. */
#include "tests/unit/posture/fixture.h"

#define PASSWD                                                                                               \
	"root:x:0:0:root:/root:/bin/bash\nstaff:x:1000:1000::/home/staff:/bin/bash\ndaemon:x:1:1::/:/usr/"   \
	"sbin/nologin\n"

static void shadow(Fixture *f, const char *text)
{
	char full[256];

	fixture_put(f, "/etc/shadow", text);
	sk_str_format(full, sizeof(full), "%s/etc/shadow", f->root);
	if (f->posture.fds.shadow >= 0)
		close(f->posture.fds.shadow);
	f->posture.fds.shadow = open(full, O_RDONLY | O_CLOEXEC);
}

static void passwords(void **state)
{
	Fixture *f = *state;

	fixture_expect(f, &check_accounts, SK_POSTURE_UNKNOWN, SK_POSTURE_ACCOUNTS_UNKNOWN);
	fixture_put(f, "/etc/passwd", PASSWD);
	fixture_expect(f, &check_accounts, SK_POSTURE_UNKNOWN, SK_POSTURE_ACCOUNTS_UNKNOWN);
	shadow(f, "root:*:19000:0:99999:7:::\nstaff:$y$j9T$x:19000::::::\ndaemon::19000::::::\nlocked:!:1::::"
		  "::\n");
	fixture_expect(f, &check_accounts, SK_POSTURE_OK, SK_REASON_NONE);
	shadow(f, "root:*:1::::::\nstaff::19000::::::\n");
	fixture_expect(f, &check_accounts, SK_POSTURE_FAIL, SK_POSTURE_ACCOUNTS_OPEN);
	assert_string_equal(f->result.value, "staff");
	/* In /etc/passwd itself, and one that only shadow knows. */
	shadow(f, "root:*:1::::::\n");
	fixture_put(f, "/etc/passwd", PASSWD "toor::0:0::/root:\n");
	fixture_expect(f, &check_accounts, SK_POSTURE_FAIL, SK_POSTURE_ACCOUNTS_OPEN);
	fixture_put(f, "/etc/passwd", PASSWD);
	shadow(f, "ghost::1::::::\n");
	fixture_expect(f, &check_accounts, SK_POSTURE_FAIL, SK_POSTURE_ACCOUNTS_OPEN);
}

static void hostile_names(void **state)
{
	Fixture *f = *state;

	fixture_put(f, "/etc/passwd", "a\nb:\nc:d\n:::::::\nx:y:z\nevil\033[31m::0:0::/:/bin/sh");
	shadow(f, ":::\n::\nno colon\n");
	fixture_expect(f, &check_accounts, SK_POSTURE_FAIL, SK_POSTURE_ACCOUNTS_OPEN);
	assert_null(strchr(f->result.value, '\033'));
	shadow(f, "");
	close(f->posture.fds.shadow);
	f->posture.fds.shadow = -1;
}

static void displays(void **state)
{
	static const struct {
		const char *path, *on, *off;
	} cases[] = {
		{"/etc/gdm3/daemon.conf", "[daemon]\nAutomaticLoginEnable = true\nAutomaticLogin=staff\n",
			"# "
			"AutomaticLoginEnable=true\n[daemon]\nAutomaticLoginEnable=false\n[x]"
			"\nAutomaticLoginEnable=true\n"},
		{"/etc/gdm3/custom.conf", "[daemon]\nAutomaticLoginEnable=True\n", "[daemon]\n"},
		{"/etc/gdm/custom.conf", "[daemon]\r\nTimedLoginEnable=1\r\n",
			"[daemon]\nTimedLoginEnable=no\n"},
		{"/etc/lightdm/lightdm.conf", "[Seat:*]\nautologin-user=staff\n",
			"[Seat:*]\n#autologin-user=staff\nautologin-user=\n"},
		{"/etc/lightdm/lightdm.conf.d/50-x.conf", "[SeatDefaults]\nautologin-user = staff",
			"[Seat:*]\nautologin-user-timeout=0\n"},
		{"/etc/sddm.conf", "[Autologin]\nUser=staff\n", "[Autologin]\nUser=\n[Users]\nUser=staff\n"},
		{"/etc/sddm.conf.d/kde_settings.conf", "[Autologin]\nSession=plasma\nUser=staff\n",
			"[Autologin]\nSession=plasma\n"},
		{"/etc/lxdm/lxdm.conf", "[base]\nautologin=staff\n", "[base]\n# autologin=dgod\n"},
		{"/etc/greetd/config.toml", "[initial_session]\ncommand = \"sway\"\nuser = \"staff\"\n",
			"[default_session]\ncommand = \"agreety\"\n"},
	};
	Fixture *f = *state;

	fixture_expect(f, &check_autologin, SK_POSTURE_OK, SK_REASON_NONE);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		fixture_put(f, cases[i].path, cases[i].on);
		fixture_expect(f, &check_autologin, SK_POSTURE_FAIL, SK_POSTURE_AUTOLOGIN_ON);
		fixture_put(f, cases[i].path, cases[i].off);
		fixture_expect(f, &check_autologin, SK_POSTURE_OK, SK_REASON_NONE);
		fixture_remove(f, cases[i].path);
	}
}

/* What the administrator's file says holds against what the distribution's says. */
static void later_files_win(void **state)
{
	Fixture *f = *state;

	fixture_put(f, "/usr/share/lightdm/lightdm.conf.d/10-live.conf", "[Seat:*]\nautologin-user=live\n");
	fixture_expect(f, &check_autologin, SK_POSTURE_FAIL, SK_POSTURE_AUTOLOGIN_ON);
	fixture_put(f, "/etc/lightdm/lightdm.conf", "[Seat:*]\nautologin-user=\n");
	fixture_expect(f, &check_autologin, SK_POSTURE_OK, SK_REASON_NONE);
}

static void consoles(void **state)
{
	Fixture *f = *state;

	fixture_put(f, "/usr/lib/systemd/system/getty@.service",
		"[Service]\nExecStart=-/sbin/agetty -o '-p -- \\\\u' --noclear - $TERM\n");
	fixture_expect(f, &check_autologin, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/etc/systemd/system/getty@tty1.service.d/override.conf",
		"[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin staff --noclear %I $TERM\n");
	fixture_expect(f, &check_autologin, SK_POSTURE_FAIL, SK_POSTURE_AUTOLOGIN_ON);
	assert_string_equal(f->result.value, "getty@tty1.service.d");
	fixture_put(f, "/etc/systemd/system/getty@tty1.service.d/override.conf",
		"[Service]\nExecStart=\nExecStart=-/sbin/agetty --noclear %I $TERM\n");
	fixture_expect(f, &check_autologin, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/run/systemd/system/serial-getty@ttyS0.service",
		"ExecStart=/sbin/agetty -a root 115200 ttyS0\n");
	fixture_expect(f, &check_autologin, SK_POSTURE_FAIL, SK_POSTURE_AUTOLOGIN_ON);
	fixture_remove(f, "/run/systemd/system/serial-getty@ttyS0.service");
	fixture_link(f, "/etc/systemd/system/sysinit.target.wants/debug-shell.service", "/nowhere");
	fixture_expect(f, &check_autologin, SK_POSTURE_FAIL, SK_POSTURE_AUTOLOGIN_ON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(passwords), fixture_test(hostile_names),
		fixture_test(displays), fixture_test(later_files_win), fixture_test(consoles)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
