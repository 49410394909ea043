/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/methods.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/authorize.h"
#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/device_record.h"
#include "agent/core/devices.h"
#include "agent/core/explain.h"
#include "agent/core/gates.h"
#include "agent/core/history.h"
#include "agent/core/methods_carry.h"
#include "agent/core/methods_codes.h"
#include "agent/core/methods_lock.h"
#include "agent/core/mounting.h"
#include "agent/core/posture.h"
#include "agent/core/sign_in.h"
#include "agent/core/records.h"
#include "agent/core/reload.h"
#include "agent/core/status.h"
#include "agent/core/volume_record.h"
#include "config.h"
#include "lib/audit/reader.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define ACTION(word) "org.sekisho.agent1." word
#define ERROR(word) "org.sekisho.Agent1.Error." word
/* One answer stays well below the bus's own limit; the caller asks again for the next records. */
#define RECORDS_MAX 1000
#define RECORDS_SIZE_MAX (4 << 20)

static int reply_json(sd_bus_message *message, json_t *object)
{
	own_free char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return text ? sd_bus_reply_method_return(message, "s", text) : -ENOMEM;
}

static int get_status(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_json(message, status_to_json(core));
}

static int list_devices(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_json(message, devices_to_json(core));
}

static int list_known_devices(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_json(message, history_list_devices(core->history));
}

static int list_media(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_json(message, volumes_to_json(core));
}

static int get_posture(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_json(message, posture_to_json(core));
}

static int get_sign_ins(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_json(message, sign_in_to_json(core, actor));
}

static int check_posture(Core *core, sd_bus_message *message, const char *actor)
{
	int r = posture_check_now(core, message);

	return r < 0 ? r : 1; /* answered when the round is over */
}

static int explain_device(Core *core, sd_bus_message *message, const char *actor)
{
	own_free char *text = NULL;
	const char *port;
	int r = sd_bus_message_read(message, "s", &port);

	if (r < 0)
		return r;
	r = explain(core, port, &text);
	if (r == -ENOENT)
		return sd_bus_reply_method_errorf(
			message, ERROR("NoSuchDevice"), "no device at port %s", port);
	return r < 0 ? r : sd_bus_reply_method_return(message, "s", text);
}

static int allow_device(Core *core, sd_bus_message *message, const char *actor)
{
	const char *port;
	uint64_t seconds;
	int r = sd_bus_message_read(message, "st", &port, &seconds);

	if (r < 0)
		return r;
	r = devices_allow_for(core, port, seconds, actor);
	if (r == -ENOENT)
		return sd_bus_reply_method_errorf(
			message, ERROR("NoSuchDevice"), "no checked device at port %s", port);
	if (r == -EINVAL)
		return sd_bus_reply_method_errorf(
			message, SD_BUS_ERROR_INVALID_ARGS, "the time must be between a second and a year");
	return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static void on_ejected(void *userdata, int result, const char *detail)
{
	sd_bus_message *message = userdata;

	if (result == 0)
		sd_bus_reply_method_return(message, NULL);
	else if (result == -EBUSY)
		sd_bus_reply_method_errorf(message, ERROR("Busy"), "%s", detail);
	else
		sd_bus_reply_method_errno(message, result, NULL);
	sd_bus_message_unref(message);
}

static int eject(Core *core, sd_bus_message *message, const char *actor)
{
	const char *volume;
	int r = sd_bus_message_read(message, "s", &volume);

	if (r < 0)
		return r;
	r = mounting_eject(core, volume, actor, on_ejected, sd_bus_message_ref(message));
	if (r == 0)
		return 1;
	sd_bus_message_unref(message);
	return r == -ENOENT
		       ? sd_bus_reply_method_errorf(message, ERROR("NoSuchMedium"), "no medium %s", volume)
		       : r;
}

static int scan(Core *core, sd_bus_message *message, const char *actor)
{
	const char *name;
	Volume *volume;
	int r = sd_bus_message_read(message, "s", &name);

	if (r < 0)
		return r;
	volume = volumes_find(core, name);
	if (!volume || volume->state != VOLUME_MOUNTED)
		return sd_bus_reply_method_errorf(message, ERROR("NoSuchMedium"), "no open medium %s", name);
	if (!volume->walking)
		gates_walk(core, volume);
	return sd_bus_reply_method_return(message, NULL);
}

static int append_records(Core *core, sd_bus_message *reply, uint64_t after, uint32_t most)
{
	own_audit_reader SkAuditReader *reader = NULL;
	char directory[PATH_MAX], line[SK_AUDIT_LINE_MAX + 1];
	size_t size = 0;
	SkAuditRecord record;
	int r;

	sk_str_format(directory, sizeof(directory), "%s/audit", core->settings->agent.state_directory);
	r = sk_audit_reader_open(directory, after + 1, &reader);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while (most > 0 && size < RECORDS_SIZE_MAX && (r = sk_audit_reader_next(reader, &record)) != 0) {
		if (r == -EBADMSG)
			continue; /* `sekishoctl audit verify` tells about those */
		if (r < 0)
			return r;
		if (record.line.size > SK_AUDIT_LINE_MAX)
			continue;
		memcpy(line, record.line.text, record.line.size);
		line[record.line.size] = 0;
		r = sd_bus_message_append(reply, "s", line);
		if (r < 0)
			return r;
		size += record.line.size;
		most--;
	}
	return 0;
}

static int get_records(Core *core, sd_bus_message *message, const char *actor)
{
	sd_bus_message *reply = NULL;
	uint64_t after;
	uint32_t most;
	int r = sd_bus_message_read(message, "tu", &after, &most);

	if (r < 0)
		return r;
	if (after == UINT64_MAX)
		return sd_bus_reply_method_errorf(
			message, SD_BUS_ERROR_INVALID_ARGS, "no such sequence number");
	records_sync(core);
	r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "s");
	if (r >= 0)
		r = append_records(core, reply, after, most < RECORDS_MAX ? most : RECORDS_MAX);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

static int reply_trial(sd_bus_message *message, int r)
{
	if (r == -EALREADY)
		return sd_bus_reply_method_errorf(
			message, ERROR("TrialState"), "that is the state already; see: sekishoctl status");
	if (r == -ENOENT)
		return sd_bus_reply_method_errorf(message, ERROR("TrialState"),
			"no trial is running; start one with: sekishoctl trial start");
	return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int start_trial(Core *core, sd_bus_message *message, const char *actor)
{
	uint64_t seconds;
	int r = sd_bus_message_read(message, "t", &seconds);

	if (r < 0)
		return r;
	if (seconds > 30 * 86400)
		return sd_bus_reply_method_errorf(
			message, SD_BUS_ERROR_INVALID_ARGS, "a trial lasts at most 30 days");
	if (seconds == 0)
		seconds = core->settings->devices.trial_sec;
	return reply_trial(message, trial_start(core, seconds, actor));
}

static int confirm_trial(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_trial(message, trial_confirm(core, actor));
}

static int cancel_trial(Core *core, sd_bus_message *message, const char *actor)
{
	return reply_trial(message, trial_cancel(core, actor));
}

static int reload_all(Core *core, sd_bus_message *message, const char *actor)
{
	own_free char *errors = NULL;
	int r = reload(core, &errors);

	if (r == -EINVAL)
		return sd_bus_reply_method_errorf(
			message, ERROR("BadConfiguration"), "%s", errors ? errors : "");
	return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

/* The code, and what else is known. */
static int reply_enrolment(sd_bus_message *message, SkReason reason, const char *detail)
{
	char code[SK_REASON_CODE_SIZE];

	sk_reason_format_code(code, reason);
	return sd_bus_reply_method_errorf(message,
		reason == SK_ENROL_NO_CODE || reason == SK_ENROL_TYPING_ERROR ? SD_BUS_ERROR_INVALID_ARGS
									      : ERROR("EnrolmentFailed"),
		"%s%s%s", code, *detail ? ": " : "", detail);
}

static SkReason enrolment_reason(int result)
{
	switch (result) {
	case -EKEYREJECTED:
		return SK_ENROL_OTHER_CONSOLE;
	case -EACCES:
		return SK_ENROL_CODE_REFUSED;
	case -EHOSTUNREACH:
	case -ENOTCONN:
	case -ETIMEDOUT:
		return SK_ENROL_NOT_REACHED;
	case -EINVAL:
		return SK_ENROL_NO_CODE;
	case -EBADMSG:
		return SK_ENROL_TYPING_ERROR;
	case -EBUSY:
		return SK_ENROL_UNDER_WAY;
	default:
		return SK_CONSOLE_ENROLMENT_FAILED;
	}
}

static void on_enrolled(void *userdata, int result, const char *detail)
{
	sd_bus_message *message = userdata;

	if (result == 0)
		sd_bus_reply_method_return(message, "s", detail);
	else
		/* What was sent and not understood is no typing error of a person. */
		reply_enrolment(message,
			result == -EBADMSG || result == -EINVAL ? SK_CONSOLE_ENROLMENT_FAILED
								: enrolment_reason(result),
			detail);
	sd_bus_message_unref(message);
}

static int enroll(Core *core, sd_bus_message *message, const char *actor)
{
	const char *code;
	int r = sd_bus_message_read(message, "s", &code);

	if (r < 0)
		return r;
	r = console_enrol(core, code, actor, on_enrolled, sd_bus_message_ref(message));
	if (r == 0)
		return 1;
	sd_bus_message_unref(message);
	return reply_enrolment(message, enrolment_reason(r),
		r == -EINVAL || r == -EBADMSG || r == -EBUSY ? "" : strerror(-r));
}

static int leave(Core *core, sd_bus_message *message, const char *actor)
{
	int r = console_leave(core, actor);

	if (r == -ENOENT)
		return sd_bus_reply_method_errorf(message, ERROR("NotEnrolled"), "SK-1534");
	return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "s", SK_VERSION);
}

static int get_mode(sd_bus *bus, const char *path, const char *interface, const char *property,
	sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "s", sk_mode_name(trial_mode(userdata)));
}

/* One row a method: its polkit action and what runs once that is granted. */
#define METHOD_LIST(X)                                                                                       \
	X(GetStatus, "", "s", "status", get_status)                                                          \
	X(ListDevices, "", "s", "status", list_devices)                                                      \
	X(ListKnownDevices, "", "s", "log", list_known_devices)                                              \
	X(ListMedia, "", "s", "status", list_media)                                                          \
	X(GetPosture, "", "s", "status", get_posture)                                                        \
	X(CheckPosture, "", "s", "posture", check_posture)                                                   \
	X(GetLock, "", "s", "status", method_get_lock)                                                       \
	X(GetSignIns, "", "s", "status", get_sign_ins)                                                       \
	X(LockNow, "", "", "lock", method_lock_now)                                                          \
	X(BeginPass, "us", "s", "pass", method_begin_pass)                                                   \
	X(EndPass, "", "s", "lock", method_end_pass)                                                         \
	X(ExplainDevice, "s", "s", "status", explain_device)                                                 \
	X(AllowDevice, "st", "", "allow", allow_device)                                                      \
	X(OpenMedium, "ssh", "ss", "open", method_open_medium)                                               \
	X(PrepareMedium, "ssssh", "ss", "prepare", method_prepare_medium)                                    \
	X(HandOver, "ssshh", "ss", "hand-over", method_hand_over)                                            \
	X(RekeyMedium, "sshh", "ss", "open", method_rekey_medium)                                            \
	X(RetireMedium, "ss", "ss", "retire", method_retire_medium)                                          \
	X(ReportLost, "ss", "ss", "report-lost", method_report_lost)                                         \
	X(Eject, "s", "", "eject", eject)                                                                    \
	X(InspectMedium, "s", "ss", "scan", method_inspect_medium)                                           \
	X(Scan, "s", "", "scan", scan)                                                                       \
	X(GetRecords, "tu", "as", "log", get_records)                                                        \
	X(StartTrial, "t", "", "trial", start_trial)                                                         \
	X(ConfirmTrial, "", "", "trial", confirm_trial)                                                      \
	X(CancelTrial, "", "", "trial", cancel_trial)                                                        \
	X(Reload, "", "", "reload", reload_all)                                                              \
	X(EnterCode, "sss", "s", "code", method_enter_code)                                                  \
	X(BreakGlass, "ss", "s", "break-glass", method_break_glass)                                          \
	X(EndBreakGlass, "", "s", "break-glass", method_end_break_glass)                                     \
	X(Enroll, "s", "s", "enrol", enroll)                                                                 \
	X(Leave, "", "", "enrol", leave)

#define DEFINE_METHOD(name, in, out, action, call)                                                           \
	static int method_##name(sd_bus_message *message, void *userdata, sd_bus_error *error)               \
	{                                                                                                    \
		return authorize(userdata, message, ACTION(action), call);                                   \
	}
METHOD_LIST(DEFINE_METHOD)

#define METHOD_ROW(name, in, out, action, call)                                                              \
	SD_BUS_METHOD(#name, in, out, method_##name, SD_BUS_VTABLE_UNPRIVILEGED),

const sd_bus_vtable methods_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Mode", "s", get_mode, 0, 0),
	METHOD_LIST(METHOD_ROW) SD_BUS_SIGNAL("Recorded", "tss", 0),
	SD_BUS_SIGNAL("Progress", "ssu", 0),
	SD_BUS_VTABLE_END,
};
