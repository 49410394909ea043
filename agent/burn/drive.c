/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/burn/drive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libburn/libburn.h>

#include "agent/burn/node.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define PROFILES_MAX 64
#define WAIT_USEC 100000
/* A drive that was just given a disc needs a while to know it. */
#define READY_TRIES 300
/* Profiles whose tracks need no announcement of their size: what is closed is as long as it is. */
enum { DVD_PLUS_R = 0x1b, DVD_PLUS_R_DL = 0x2b, BD_R = 0x41 };

struct BurnDrive {
	struct burn_drive_info *info;
	struct burn_drive *drive;
	struct burn_disc *disc;
	struct burn_write_opts *options;
	bool stand_in;
	int fd, profile;
};

int drive_init(void)
{
	char kept[] = "FAILURE", printed[] = "NEVER", prefix[] = "";

	if (!burn_initialize())
		return -EIO;
	/* Told when it is asked for, and never on standard error. */
	burn_msgs_set_severities(kept, printed, prefix);
	/* The descriptor is held exclusively already; a drive that is busy is told of, not waited for. */
	burn_preset_device_open(0, 0, 0);
	return 0;
}

void drive_explain(char *ret_text, size_t size)
{
	char text[BURN_MSGS_MESSAGE_LEN], severity[80], least[] = "FAILURE";
	int code, system_code;

	sk_str_copy(ret_text, size, "");
	/* The first is the cause of the others. */
	while (burn_msgs_obtain(least, &code, text, &system_code, severity) > 0)
		if (!ret_text[0])
			sk_str_copy(ret_text, size, text);
}

int drive_open(const char *sysname, int fd, bool stand_in, BurnDrive **ret_drive)
{
	BurnDrive *drive = calloc(1, sizeof(*drive));
	char address[96];

	if (!drive)
		return -ENOMEM;
	drive->stand_in = stand_in;
	drive->fd = fd;
	if (stand_in) {
		sk_str_format(address, sizeof(address), "stdio:/dev/fd/%d", fd);
	} else {
		sk_str_format(address, sizeof(address), "/dev/%s", sysname);
		node_give(address, fd);
	}
	if (burn_drive_scan_and_grab(&drive->info, address, 0) <= 0) {
		free(drive);
		return -ENODEV;
	}
	drive->drive = drive->info[0].drive;
	*ret_drive = drive;
	return 0;
}

static bool drive_burns(BurnDrive *drive)
{
	int profiles[PROFILES_MAX], n = 0;
	char is_current[PROFILES_MAX];

	if (drive->stand_in)
		return true;
	burn_drive_get_all_profiles(drive->drive, &n, profiles, is_current);
	for (int i = 0; i < n && i < PROFILES_MAX; i++)
		if (burn_profile_is_once(profiles[i]))
			return true;
	return false;
}

static enum burn_disc_status wait_for_disc(BurnDrive *drive)
{
	enum burn_disc_status status = burn_disc_get_status(drive->drive);

	for (int i = 0; status == BURN_DISC_UNREADY && i < READY_TRIES; i++) {
		usleep(WAIT_USEC);
		status = burn_disc_get_status(drive->drive);
	}
	return status;
}

/* One session with one track, which nobody continues. */
static int compose(BurnDrive *drive, Image *image)
{
	struct burn_session *session = burn_session_create();
	struct burn_track *track = burn_track_create();

	drive->disc = burn_disc_create();
	if (!session || !track || !drive->disc ||
		!burn_disc_add_session(drive->disc, session, BURN_POS_END) ||
		!burn_session_add_track(session, track, BURN_POS_END))
		return -ENOMEM;
	burn_track_define_data(track, 0, 0, 1, BURN_MODE1);
	if (burn_track_set_source(track, image_source(image)) != BURN_SOURCE_OK)
		return -EIO;
	drive->options = burn_write_opts_new(drive->drive);
	if (!drive->options)
		return -ENOMEM;
	burn_write_opts_set_perform_opc(drive->options, 0);
	burn_write_opts_set_underrun_proof(drive->options, 1);
	burn_write_opts_set_multi(drive->options, 0);
	return 0;
}

static bool find_way(BurnDrive *drive)
{
	char reasons[BURN_REASONS_LEN];
	int profile = drive->profile;

	if (profile == DVD_PLUS_R || profile == DVD_PLUS_R_DL || profile == BD_R)
		return burn_write_opts_set_write_type(drive->options, BURN_WRITE_TAO, BURN_BLOCK_MODE1) &&
		       burn_precheck_write(drive->options, drive->disc, reasons, 1) > 0;
	return burn_write_opts_auto_write_type(drive->options, drive->disc, reasons, 0) != BURN_WRITE_NONE;
}

int drive_look(BurnDrive *drive, Image *image, BurnDisc *ret_disc)
{
	enum burn_disc_status status = wait_for_disc(drive);
	off_t available;
	int r;

	*ret_disc = (BurnDisc){.drive_burns = drive_burns(drive),
		.there = status != BURN_DISC_EMPTY && status != BURN_DISC_UNREADY &&
			 status != BURN_DISC_UNGRABBED,
		.blank = status == BURN_DISC_BLANK};
	if (burn_disc_get_profile(drive->drive, &drive->profile, ret_disc->name) <= 0)
		drive->profile = 0;
	if (drive->stand_in)
		drive->profile = DVD_PLUS_R;
	ret_disc->profile = drive->profile;
	if (!ret_disc->blank || !burn_profile_is_once(drive->profile))
		return 0;
	r = compose(drive, image);
	if (r < 0)
		return r;
	ret_disc->possible = drive->stand_in ? burn_write_opts_auto_write_type(drive->options, drive->disc,
						       (char[BURN_REASONS_LEN]){0}, 0) != BURN_WRITE_NONE
					     : find_way(drive);
	available = burn_disc_available_space(drive->drive, drive->options);
	ret_disc->available = available > 0 ? (uint64_t)available : 0;
	return 0;
}

void drive_write(BurnDrive *drive)
{
	burn_disc_write(drive->options, drive->disc);
}

bool drive_is_writing(BurnDrive *drive, unsigned *ret_percent, bool *ret_closing)
{
	struct burn_progress progress;
	enum burn_drive_status status = burn_drive_get_status(drive->drive, &progress);

	*ret_closing = status == BURN_DRIVE_CLOSING_TRACK || status == BURN_DRIVE_CLOSING_SESSION;
	*ret_percent = 0;
	if (status == BURN_DRIVE_WRITING && progress.sectors > 0 && progress.sector <= progress.sectors)
		*ret_percent = (unsigned)(100LL * progress.sector / progress.sectors);
	return status != BURN_DRIVE_IDLE;
}

void drive_stop(BurnDrive *drive)
{
	burn_drive_cancel(drive->drive);
}

int drive_check(BurnDrive *drive)
{
	enum burn_disc_status status;

	if (!burn_drive_wrote_well(drive->drive))
		return -EIO;
	if (drive->stand_in)
		return 0;
	if (burn_drive_re_assess(drive->drive, 0) <= 0)
		return -EIO;
	/* A closed one of some kinds is like a pressed one from now on, which libburn calls unsuitable. */
	status = wait_for_disc(drive);
	return status == BURN_DISC_FULL || status == BURN_DISC_UNSUITABLE ? 0 : -EIO;
}

int drive_read(BurnDrive *drive, uint64_t place, void *data, size_t size)
{
	off_t count = 0;

	if (drive->stand_in)
		return sk_io_pread_up_to(drive->fd, data, size, place) == (ssize_t)size ? 0 : -EIO;
	return burn_read_data(drive->drive, (off_t)place, data, (off_t)size, &count, 0) > 0 &&
			       count == (off_t)size
		       ? 0
		       : -EIO;
}

void drive_close(BurnDrive *drive)
{
	burn_drive_release(drive->drive, !drive->stand_in);
}
