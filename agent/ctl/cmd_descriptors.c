/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekishoctl descriptors decode: what a USB device says of itself, offline and as any user. FILE is a raw
 * `descriptors` file, "-" for standard input, or the directory of a device in sysfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/crypt/digest.h"
#include "lib/usb/descriptors.h"
#include "lib/usb/hash.h"
#include "lib/usb/sysfs.h"
#include "lib/usb/text.h"

#define READ_MAX (SK_USB_DESCRIPTORS_MAX + 1) /* one more, so that too long a file is seen as such */
#define SHOWN_SIZE (4 * SK_USB_STRING_SIZE)   /* each byte escaped */

typedef struct Decoded {
	char *data;
	size_t size;
	SkUsbFacts facts;
	SkUsbFault fault; /* reason is NULL when the descriptors are well formed */
	SkUsbPlace place;
	bool has_place;
} Decoded;

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int read_stdin(char **ret_data, size_t *ret_size)
{
	own_free char *data = malloc(READ_MAX);
	ssize_t n;

	if (!data)
		return -ENOMEM;
	n = sk_io_read_up_to(STDIN_FILENO, data, READ_MAX);
	if (n < 0)
		return (int)n;
	*ret_data = own_take(data);
	*ret_size = (size_t)n;
	return 0;
}

/* The strings and the place come with a directory only. */
static int read_directory(const char *path, Decoded *decoded)
{
	own_fd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir_fd < 0)
		return -errno;
	r = sk_usb_sysfs_read(dir_fd, &decoded->facts);
	if (r == 0)
		r = sk_io_read_file_at(dir_fd, "descriptors", READ_MAX, &decoded->data, &decoded->size);
	decoded->has_place = r == 0 && sk_usb_sysfs_place(dir_fd, &decoded->place) == 0;
	return r;
}

static int read_input(const char *path, Decoded *decoded)
{
	if (sk_str_eq(path, "-"))
		return read_stdin(&decoded->data, &decoded->size);
	if (is_directory(path))
		return read_directory(path, decoded);
	return sk_io_read_file_at(AT_FDCWD, path, READ_MAX, &decoded->data, &decoded->size);
}

static void print_interface(const uint8_t *bytes, const char *indent)
{
	const SkUsbInterface interface = {.base_class = bytes[5], .subclass = bytes[6], .protocol = bytes[7]};
	const char *name = sk_usb_class_name(bytes[5]);
	char type[SK_USB_INTERFACE_SIZE];

	sk_usb_interface_format(type, &interface);
	printf(_("%sinterface %u, setting %u: %s %s\n"), indent, bytes[2], bytes[3], type,
		name ? _(name) : _("unassigned class"));
}

static void print_endpoint(const uint8_t *bytes)
{
	static const char *const transfers[] = {
		N_("control"), N_("isochronous"), N_("bulk"), N_("interrupt")};

	printf(_("      endpoint %u %s, %s, %u bytes\n"), bytes[2] & 15u,
		bytes[2] & 0x80 ? _("in") : _("out"), _(transfers[bytes[3] & 3]),
		bytes[4] | (bytes[5] & 7u) << 8);
}

static int print_descriptor(void *userdata, const SkUsbDescriptor *descriptor)
{
	const uint8_t *bytes = descriptor->bytes;

	switch (descriptor->type) {
	case SK_USB_TYPE_DEVICE:
		printf(_("device %02x%02x:%02x%02x, USB %x.%02x, release %x.%02x, class %02x:%02x:%02x\n"),
			bytes[9], bytes[8], bytes[11], bytes[10], bytes[3], bytes[2], bytes[13], bytes[12],
			bytes[4], bytes[5], bytes[6]);
		break;
	case SK_USB_TYPE_CONFIGURATION:
		printf(bytes[4] == 1 ? _("  configuration %u: %u interface\n")
				     : _("  configuration %u: %u interfaces\n"),
			bytes[5], bytes[4]);
		break;
	case SK_USB_TYPE_INTERFACE:
		print_interface(bytes, "    ");
		break;
	case SK_USB_TYPE_ENDPOINT:
		print_endpoint(bytes);
		break;
	default:
		printf(_("      descriptor of type 0x%02x, %u bytes\n"), descriptor->type, descriptor->size);
	}
	return 0;
}

static void print_string(const char *what, const char *text)
{
	char shown[SHOWN_SIZE];

	if (text[0] == 0)
		return;
	sk_utf8_escape(shown, sizeof(shown), text, strlen(text));
	printf("  %s: %s\n", what, shown);
}

static char *format_rule(const Decoded *decoded)
{
	char *text = NULL;

	return sk_usb_rule_format(&decoded->facts, decoded->has_place ? &decoded->place : NULL, &text) < 0
		       ? NULL
		       : text;
}

static void print_text(const Decoded *decoded)
{
	own_free char *rule = format_rule(decoded);
	SkUsbFault fault;

	sk_usb_descriptors_walk(
		(const uint8_t *)decoded->data, decoded->size, print_descriptor, NULL, &fault);
	print_string(_("manufacturer"), decoded->facts.manufacturer);
	print_string(_("name"), decoded->facts.product);
	print_string(_("serial"), decoded->facts.serial);
	if (rule)
		printf(_("rule: %s\n"), rule);
}

static json_t *text_to_json(const char *text)
{
	char shown[SHOWN_SIZE];

	sk_utf8_escape(shown, sizeof(shown), text, strlen(text));
	return json_string(shown);
}

static json_t *interfaces_to_json(const SkUsbFacts *facts)
{
	json_t *array = json_array();
	char type[SK_USB_INTERFACE_SIZE];

	for (uint32_t i = 0; i < facts->n_interfaces; i++) {
		const SkUsbInterface *one = &facts->interfaces[i];
		const char *name = sk_usb_class_name(one->base_class);

		sk_usb_interface_format(type, one);
		json_array_append_new(array,
			json_pack("{s:i, s:i, s:i, s:s, s:s?}", "configuration", one->configuration, "number",
				one->number, "alternate", one->alternate, "type", type, "class", name));
	}
	return array;
}

static json_t *fault_to_json(const SkUsbFault *fault)
{
	return fault->reason ? json_pack("{s:i, s:s}", "offset", (int)fault->offset, "reason", fault->reason)
			     : json_null();
}

static int print_json(const Decoded *decoded)
{
	const SkUsbFacts *facts = &decoded->facts;
	own_free char *rule = format_rule(decoded);
	char id[SK_USB_ID_SIZE], type[SK_USB_INTERFACE_SIZE], digest[SK_SHA256_HEX_SIZE];
	json_auto_t *root = NULL;

	sk_usb_id_format(id, facts->vendor_id, facts->product_id);
	sk_usb_interface_format(type, &(SkUsbInterface){.base_class = facts->base_class,
					      .subclass = facts->subclass,
					      .protocol = facts->protocol});
	sk_hex_format(digest, facts->descriptors_digest, SK_SHA256_SIZE);
	root = json_pack("{s:b, s:o, s:s, s:i, s:i, s:s, s:i, s:o, s:o, s:o, s:o, s:s, s:s?, s:s?}", "ok",
		!decoded->fault.reason, "error", fault_to_json(&decoded->fault), "id", id, "usb_release",
		facts->usb_release, "device_release", facts->device_release, "class", type, "configurations",
		facts->n_configurations, "interfaces", interfaces_to_json(facts), "manufacturer",
		text_to_json(facts->manufacturer), "name", text_to_json(facts->product), "serial",
		text_to_json(facts->serial), "descriptors_sha256", digest, "hash",
		facts->hash[0] ? facts->hash : NULL, "rule", rule);
	if (!root || json_dumpf(root, stdout, JSON_INDENT(2)) < 0)
		return -ENOMEM;
	putchar('\n');
	return 0;
}

static int run_decode(const char *path, bool as_json, Decoded *decoded)
{
	const uint8_t *data;
	int r = sk_crypt_init();

	if (r == 0)
		r = read_input(path, decoded);
	if (r == -ENOENT && is_directory(path)) {
		fprintf(stderr, _("sekishoctl: %s is not the directory of a USB device\n"), path);
		return CTL_ERROR;
	}
	if (r < 0) {
		fprintf(stderr, "sekishoctl: %s: %s\n", path, strerror(-r));
		return CTL_ERROR;
	}
	data = (const uint8_t *)decoded->data;
	if (sk_usb_descriptors_parse(data, decoded->size, &decoded->facts, &decoded->fault) == 0)
		sk_usb_hash(&decoded->facts, data, decoded->size, decoded->facts.hash);
	if (!as_json)
		print_text(decoded);
	else if (print_json(decoded) < 0)
		return CTL_ERROR;
	fflush(stdout);
	if (!decoded->fault.reason)
		return CTL_OK;
	fprintf(stderr, _("sekishoctl: %s: byte %u: %s\n"), path, decoded->fault.offset,
		_(decoded->fault.reason));
	return CTL_NO;
}

static int print_usage(FILE *out, int status)
{
	fputs(_("Usage: sekishoctl descriptors decode [--json] [--name TEXT] [--serial TEXT] FILE\n\n"
		"  FILE           a raw 'descriptors' file, the sysfs directory of a device, or - for "
		"standard "
		"input\n"
		"  --json         for programs\n"
		"  --name TEXT    the product string, --serial TEXT the serial number, where FILE does not "
		"hold them:\n"
		"                 the hash and the rule need them\n"),
		out);
	return status;
}

static int cmd_decode(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"name", required_argument, NULL, 'n'},
		{"serial", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	own_free Decoded *decoded = calloc(1, sizeof(*decoded));
	bool as_json = false, fits = true;
	int option, status;

	if (!decoded)
		return CTL_ERROR;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'j')
			as_json = true;
		else if (option == 'n')
			fits &= sk_str_copy(decoded->facts.product, SK_USB_STRING_SIZE, optarg);
		else if (option == 's')
			fits &= sk_str_copy(decoded->facts.serial, SK_USB_STRING_SIZE, optarg);
		else
			return print_usage(
				option == 'h' ? stdout : stderr, option == 'h' ? CTL_OK : CTL_USAGE);
	}
	if (optind != argc - 1 || !fits)
		return print_usage(stderr, CTL_USAGE);
	status = run_decode(argv[optind], as_json, decoded);
	free(decoded->data);
	return status;
}

int ctl_descriptors(int argc, char **argv)
{
	static const CtlCommand commands[] = {
		{"decode", cmd_decode, N_("explain the descriptors of a USB device")},
		{NULL, NULL, NULL},
	};

	return ctl_dispatch(commands, "sekishoctl descriptors", argc, argv);
}
