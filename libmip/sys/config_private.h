/*
 * What the parts of the configuration reader share: the text with its includes (config_source.c), the values
 * (config_value.c), the keys (config_key.c), and the reader that puts them together (config.c).
 */
#ifndef MIP_SYS_CONFIG_PRIVATE_H
#define MIP_SYS_CONFIG_PRIVATE_H

#include <libconfig.h>
#include <sys/types.h>
#include "config.h"

/* Who else than its owner can read a file where it lies. */
struct config_exposure {
	bool others;
	bool by_group;
	gid_t group;
};

/* A file that the text came from. */
struct config_source_file {
	char *name; /* as complaints show it */
	struct config_exposure exposure;
};

/* Where a line of the text stood. */
struct config_source_line {
	size_t file; /* index of config_source.files */
	unsigned number;
};

/* What the scanner is in the middle of. */
enum config_scan {
	CONFIG_SCAN_CODE,
	CONFIG_SCAN_STRING,
	CONFIG_SCAN_LINE_COMMENT,
	CONFIG_SCAN_BLOCK_COMMENT,
};

/* A configuration file with all that it includes, as one text. All zero is empty. */
struct config_source {
	char *text; /* NUL at the end */
	size_t length;
	size_t size;
	struct config_source_line *lines; /* line 1 of the text is at [0] */
	size_t line_count;
	size_t line_size;
	struct config_source_file *files;
	size_t file_count;
	enum config_scan scan;
};

struct mip_config {
	const char *file; /* as the user gave it */
	char *folder;	  /* its folder with a slash at the end; "" when it has none */
	struct config_source source;
	config_t parsed;
	bool is_parsed;
	bool is_group_known; /* own_group has been looked up */
	gid_t own_group;     /* of the user that the daemon is or will be; 0: none but root's */
	unsigned complaints;
	char first[MIP_CONFIG_COMPLAINT]; /* complaint; "" before there is one */
	int failure;			  /* -ENOMEM and the like, without a complaint */
};

/* One line on standard error, `FILE:LINE: …`, whatever the text holds. Returns -EINVAL. */
int config_complain(struct mip_config *config, const char *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* About a value in the file. */
int config_complain_at(struct mip_config *config, const config_setting_t *setting, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads config->file and what it includes. 0; -EINVAL with a complaint made; the errno of opening the file,
 * with a complaint made; -ENOMEM. */
int config_source_read(struct mip_config *config);
void config_source_clear(struct config_source *source); /* wipes: there are keys in the text */
/* Where a line of the text stood, counted from 1. */
struct config_source_line config_source_place(const struct config_source *source, unsigned line);
/* PATH as it is, or in the configuration file's folder when it is relative. NULL: no memory. */
char *config_path(const struct mip_config *config, const char *path);

/* A value as it stands in the file, or a default. */
struct config_value {
	int type; /* CONFIG_TYPE_BOOL, _INT64, _FLOAT, _STRING; CONFIG_TYPE_NONE for what is none of these */
	bool boolean;
	int64_t integer;
	double decimal;
	const char *string;
};

enum {
	CONFIG_REASON = 512,
};

/* Whether libconfig's type is one that the setting takes; `reason` says what is wrong. 0 or -EINVAL. */
int config_value_check_type(const struct mip_setting *setting, int type, char reason[static CONFIG_REASON]);
/* Checks a value and stores it in its field; `reason` says what is wrong with it. 0, -EINVAL, -ENOMEM. Not
 * for keys, groups and lists. */
int config_value_store(const struct mip_setting *setting, const struct config_value *value, void *field,
	char reason[static CONFIG_REASON]);
/* The same from a default's text. */
int config_value_store_text(const struct mip_setting *setting, const char *text, void *field);
/* "an integer", "a list of groups": what a setting must be. */
const char *config_type_text(enum mip_setting_type type);
/* The bounds of an integer or duration as they hold, in its own unit. */
void config_bounds(const struct mip_setting *setting, int64_t *ret_least, int64_t *ret_most);
/* Seconds of a duration without needless digits: "0.1", "1800". */
const char *config_seconds_text(mip_time time, char text[static 32]);

/* A key from "hex:…", "text:…", "file:PATH". `exposure`: who can read the string itself. */
int config_key_read(struct mip_config *config, const char *string, const struct config_exposure *exposure,
	struct mip_key *ret_key, char reason[static CONFIG_REASON]);
/* Of an open regular file: its mode lets them, and so does every folder above it. */
struct config_exposure config_exposure_of(int descriptor, const char *path);

/* How far apart two names are, in insertions, deletions, replacements and swaps of neighbours. */
unsigned config_name_distance(const char *a, const char *b);
/* Near enough to be a slip of the hand. */
bool config_name_is_near(const char *name, unsigned distance);

#endif
