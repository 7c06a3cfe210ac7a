/*
 * Configuration: libconfig's syntax read against a table of known settings. The table gives each setting's
 * type, bounds, default and help; it checks a file, fills a struct, and prints itself for the manual page.
 * Whatever the table does not know is an error: every complaint is one line `FILE:LINE: what is wrong`.
 *
 * A file may hold a setting and its default may be text in the same form ("1.0", "auto", "10.1.0.0/24").
 * `@include` works as in libconfig; the complaint then names the included file.
 */
#ifndef MIP_SYS_CONFIG_H
#define MIP_SYS_CONFIG_H

#include "address.h"
#include "name.h"
#include "types.h"

enum mip_setting_type {
	MIP_SETTING_TYPE_BOOLEAN,  /* bool */
	MIP_SETTING_TYPE_INTEGER,  /* int64_t, within least and most */
	MIP_SETTING_TYPE_DURATION, /* mip_time from seconds, an integer or a decimal; least and most in ns */
	MIP_SETTING_TYPE_STRING,   /* char *, owned by the struct */
	MIP_SETTING_TYPE_ADDRESS,  /* struct mip_address, a unicast address */
	MIP_SETTING_TYPE_PREFIX,   /* struct mip_prefix, host bits clear */
	MIP_SETTING_TYPE_RANGE,	   /* struct mip_address_range, "A-B" with A <= B */
	MIP_SETTING_TYPE_KEY,	   /* struct mip_key from "hex:…", "text:…", "file:PATH" */
	MIP_SETTING_TYPE_CHOICE,   /* int, one of `choices` */
	MIP_SETTING_TYPE_GROUP,	   /* a struct of `schema` in place */
	MIP_SETTING_TYPE_LIST,	   /* an array of structs of `schema`: `void *` at offset, `size_t` count at
				      count_offset */
};

struct mip_address_range {
	struct mip_address first;
	struct mip_address last;
};

struct mip_schema;

struct mip_setting {
	const char *name;
	enum mip_setting_type type;
	size_t offset;
	size_t count_offset;   /* LIST */
	size_t present_offset; /* of a bool that tells whether the file named it; 0: none (a struct's first
				  member is never such a bool) */
	bool required;
	const char *otherwise; /* the default as text; NULL: zeros */
	int64_t least,
		most; /* INTEGER, DURATION; both 0: no bounds but the type's (INTEGER: >= 0; DURATION: > 0) */
	const struct mip_name *choices;
	const struct mip_schema *schema;
	const char *unit; /* "s", for the help */
	const char *help; /* one sentence */
};

struct mip_config;
/* A group as it stands in the file: for complaints about its settings. */
struct mip_config_group;

struct mip_schema {
	size_t size; /* of the struct */
	const struct mip_setting *settings;
	size_t count;
	/* Called when a group has been read in full: what one setting's type cannot tell. 0 or -EINVAL,
	 * having called mip_config_error(). May be NULL. */
	int (*check)(struct mip_config *config, const struct mip_config_group *group, void *object);
};

/*
 * Reads a file. Returns 0 and the struct, to be freed with mip_config_free(); -EINVAL when something in it is
 * wrong, -ENOMEM, or the errno of opening it. Complaints have been written to standard error, `FILE:LINE: …`
 * (line 0 for a file that cannot be opened). `check` (may be NULL) is called last, as in mip_daemon_role.
 *
 * A key in a file that group or others may read is refused (file: keys by the file's mode; keys in the
 * configuration itself when others can in fact reach it: its mode and its folders' let them).
 */
int mip_config_read(const char *file, const struct mip_schema *schema,
	int (*check)(struct mip_config *config, void *object), void **ret_object);

enum {
	MIP_CONFIG_COMPLAINT = 512,
};
/* The same; `first` gets the first of the complaints, cut to its size, or "": for one who does not see
 * standard error. */
int mip_config_read_saying(const char *file, const struct mip_schema *schema,
	int (*check)(struct mip_config *config, void *object), char first[static MIP_CONFIG_COMPLAINT],
	void **ret_object);
void mip_config_free(const struct mip_schema *schema, void *object);

/* A complaint about a setting of the group (name NULL: about the group itself), with the line where it
 * stands. Returns -EINVAL. */
int mip_config_error(struct mip_config *config, const struct mip_config_group *group, const char *name,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A complaint about a setting of the group unless its value can be the name of an interface: 1 to 15
 * characters without a slash. 0, or -EINVAL. */
int mip_config_check_interface(
	struct mip_config *config, const struct mip_config_group *group, const char *name, const char *value);
/* The top group; and the group or list element below: mip_config_group_at(config, top, "networks", 2). For a
 * plain group index is 0. NULL when it is not in the file. */
const struct mip_config_group *mip_config_top(struct mip_config *config);
const struct mip_config_group *mip_config_group_at(
	struct mip_config *config, const struct mip_config_group *group, const char *name, size_t index);

/* The table as text for manual pages, in mdoc or plain: name, type, unit, bounds, default, help, groups
 * indented. To standard output. */
void mip_config_help(const struct mip_schema *schema);

#endif
