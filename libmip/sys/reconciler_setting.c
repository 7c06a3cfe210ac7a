/*
 * Settings with their originals.
 *
 * They are written under /proc/sys/net, and by netlink only where that is read-only (containers): a write
 * there tells other programs (RTNLGRP_IPV4_NETCONF) and has its side effects (forwarding switches large
 * receive offload off), while the netlink way just stores a number.
 *
 * net.ipv4.ip_forward is special. A change of it also sets `forwarding` of every interface, the default for
 * those to come, and `accept_redirects` of the host. Before it is changed all these are taken down as
 * dependents of it, and when it is put back they are put back after it, one by one:
 *
 *   set    ──> record of each dependent ──> file ──> ip_forward = 1 ──> (the kernel sets the dependents)
 *   unset  ──> ip_forward = 0 ──> (the kernel sets the dependents) ──> each dependent = its original
 *
 * The file is a line of what it is valid for (boot and network namespace), then a line a setting:
 *
 *   SETTING LINK ORIGINAL OURS NAME
 */
#include "reconciler_setting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include "folder.h"

enum {
	LINK_DEFAULT = -2, /* conf/default: interfaces to come */
	PATH_SIZE = 128,
	VALIDITY = 80,
};

struct record_key {
	mip_link link;
	int setting;
};

struct record {
	struct record_key key;
	int original;
	int ours; /* what it is now, as far as this process did it */
	bool wanted;
	int value; /* if wanted */
	UT_hash_handle hh;
};

struct mip_settings {
	const struct mip_log *log;
	struct mip_netlink *netlink;
	char *restore_file;
	struct record *records;
};

static const struct {
	const char *name;
	int devconf; /* IPV4_DEVCONF_…, 0: a neighbour table's */
} known[MIP_SETTING_COUNT] = {
	[MIP_SETTING_FORWARDING] = {"forwarding", IPV4_DEVCONF_FORWARDING},
	[MIP_SETTING_RP_FILTER] = {"rp_filter", IPV4_DEVCONF_RP_FILTER},
	[MIP_SETTING_PROXY_ARP] = {"proxy_arp", IPV4_DEVCONF_PROXY_ARP},
	[MIP_SETTING_ARP_IGNORE] = {"arp_ignore", IPV4_DEVCONF_ARP_IGNORE},
	[MIP_SETTING_ARP_ANNOUNCE] = {"arp_announce", IPV4_DEVCONF_ARP_ANNOUNCE},
	[MIP_SETTING_ARP_NOTIFY] = {"arp_notify", IPV4_DEVCONF_ARP_NOTIFY},
	[MIP_SETTING_ACCEPT_LOCAL] = {"accept_local", IPV4_DEVCONF_ACCEPT_LOCAL},
	[MIP_SETTING_ACCEPT_REDIRECTS] = {"accept_redirects", IPV4_DEVCONF_ACCEPT_REDIRECTS},
	[MIP_SETTING_SEND_REDIRECTS] = {"send_redirects", IPV4_DEVCONF_SEND_REDIRECTS},
	[MIP_SETTING_PROXY_DELAY] = {"proxy_delay", 0},
};

/* --- one setting in the kernel --- */

static int make_path(mip_link link, int setting, char path[static PATH_SIZE])
{
	char name[IFNAMSIZ] = "all";

	if (link == MIP_LINK_NONE && setting == MIP_SETTING_FORWARDING) {
		(void)snprintf(path, PATH_SIZE, "/proc/sys/net/ipv4/ip_forward");
		return 0;
	}
	if (link == LINK_DEFAULT || (link == MIP_LINK_NONE && setting == MIP_SETTING_PROXY_DELAY))
		(void)snprintf(name, sizeof(name), "default");
	else if (link != MIP_LINK_NONE && if_indextoname((unsigned)link, name) == NULL)
		return -ENODEV;
	(void)snprintf(path, PATH_SIZE, "/proc/sys/net/ipv4/%s/%s/%s",
		setting == MIP_SETTING_PROXY_DELAY ? "neigh" : "conf", name, known[setting].name);
	return 0;
}

static int read_path(const char *path, int *ret_value)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t length;

	if (descriptor < 0)
		return -errno;
	length = read(descriptor, text, sizeof(text) - 1);
	close(descriptor);
	if (length <= 0)
		return -EIO;
	text[length] = 0;
	*ret_value = atoi(text);
	return 0;
}

static int write_path(const char *path, int value)
{
	int descriptor = open(path, O_WRONLY | O_CLOEXEC);
	char text[32];
	int length = snprintf(text, sizeof(text), "%d\n", value);
	int result = 0;

	if (descriptor < 0)
		return -errno;
	if (write(descriptor, text, (size_t)length) < 0)
		result = -errno;
	close(descriptor);
	return result;
}

static int read_setting(mip_link link, int setting, int *ret_value)
{
	char path[PATH_SIZE];
	int result = make_path(link, setting, path);

	if (result == 0)
		result = read_path(path, ret_value);
	return result == -ENOENT ? -ENODEV : result;
}

static void keep_result(
	void *context, void *tag, int result, const char *words, const struct nlmsghdr *object)
{
	int *ret_result = tag;

	(void)context;
	(void)words;
	(void)object;
	*ret_result = result;
}

/* IFLA_AF_SPEC { AF_INET { IFLA_INET_CONF { setting } } } */
static struct nl_msg *make_link_request(mip_link link, int setting, int value)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC, .ifi_index = link};
	struct nl_msg *request = nlmsg_alloc_simple(RTM_SETLINK, 0);
	struct nlattr *families, *family, *conf;

	if (request == NULL)
		return NULL;
	if (nlmsg_append(request, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
		(families = nla_nest_start(request, IFLA_AF_SPEC)) == NULL ||
		(family = nla_nest_start(request, AF_INET)) == NULL ||
		(conf = nla_nest_start(request, IFLA_INET_CONF)) == NULL ||
		nla_put_u32(request, known[setting].devconf, (uint32_t)value) < 0) {
		nlmsg_free(request);
		return NULL;
	}
	nla_nest_end(request, conf);
	nla_nest_end(request, family);
	nla_nest_end(request, families);
	return request;
}

/* The delay of proxy ARP is written in hundredths of a second, and told to netlink in milliseconds. */
static struct nl_msg *make_table_request(mip_link link, int value)
{
	struct ndtmsg header = {.ndtm_family = AF_INET};
	struct nl_msg *request = nlmsg_alloc_simple(RTM_SETNEIGHTBL, 0);
	struct nlattr *parameters;

	if (request == NULL)
		return NULL;
	if (nlmsg_append(request, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
		nla_put_string(request, NDTA_NAME, "arp_cache") < 0 ||
		(parameters = nla_nest_start(request, NDTA_PARMS)) == NULL ||
		nla_put_u32(request, NDTPA_IFINDEX, (uint32_t)link) < 0 ||
		nla_put_u64(request, NDTPA_PROXY_DELAY, (uint64_t)value * 10) < 0) {
		nlmsg_free(request);
		return NULL;
	}
	nla_nest_end(request, parameters);
	return request;
}

static int write_by_netlink(struct mip_settings *settings, mip_link link, int setting, int value)
{
	int result = -EIO;

	mip_netlink_results(settings->netlink, keep_result, NULL);
	mip_netlink_add(settings->netlink,
		setting == MIP_SETTING_PROXY_DELAY ? make_table_request(link, value)
						   : make_link_request(link, setting, value),
		&result);
	mip_netlink_send(settings->netlink);
	return result;
}

static int write_setting(struct mip_settings *settings, mip_link link, int setting, int value)
{
	char path[PATH_SIZE];
	int result = make_path(link, setting, path);

	if (result == 0)
		result = write_path(path, value);
	if (link > 0 && (result == -EROFS || result == -EACCES || result == -EPERM))
		result = write_by_netlink(settings, link, setting, value);
	return result == -ENOENT ? -ENODEV : result;
}

int mip_settings_promote(mip_link link, int value)
{
	char name[IFNAMSIZ];
	char path[PATH_SIZE];
	int before = 0;
	int result;

	if (if_indextoname((unsigned)link, name) == NULL)
		return -ENODEV;
	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/promote_secondaries", name);
	result = read_path(path, &before);
	if (result == 0 && before != value)
		result = write_path(path, value);
	return result < 0 ? result : before;
}

/* --- the file --- */

/* What the file is valid for: originals of another boot or another namespace mean nothing here. */
static void make_validity(char text[static VALIDITY])
{
	char boot[40] = "";
	struct stat namespace = {0};
	int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (descriptor >= 0) {
		ssize_t length = read(descriptor, boot, sizeof(boot) - 1);

		boot[length > 0 ? length : 0] = 0;
		boot[strcspn(boot, "\n")] = 0;
		close(descriptor);
	}
	(void)stat("/proc/thread-self/ns/net", &namespace);
	(void)snprintf(text, VALIDITY, "%s %llu", boot, (unsigned long long)namespace.st_ino);
}

/* The folder may not be there: whoever has no control socket has not made it. */
static int create(const char *file)
{
	enum { FOLDER_MODE = 0755 };
	int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *folder = descriptor < 0 && errno == ENOENT ? mip_folder_of(file) : NULL;

	if (folder != NULL && mip_folder_make(folder, FOLDER_MODE) >= 0)
		descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	free(folder);
	return descriptor;
}

static bool write_records(const struct mip_settings *settings, const char *file)
{
	int descriptor = create(file);
	FILE *stream = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
	char validity[VALIDITY];
	bool good = stream != NULL;

	if (!good && descriptor >= 0)
		close(descriptor);
	if (!good)
		return false;
	make_validity(validity);
	good = fprintf(stream, "%s\n", validity) > 0;
	for (const struct record *record = settings->records; record != NULL; record = record->hh.next) {
		char name[IFNAMSIZ] = "-";

		if (record->key.link > 0 && if_indextoname((unsigned)record->key.link, name) == NULL)
			continue;
		if (fprintf(stream, "%s %d %d %d %s\n", known[record->key.setting].name, record->key.link,
			    record->original, record->ours, name) < 0)
			good = false;
	}
	return fclose(stream) == 0 && good;
}

static void save(const struct mip_settings *settings)
{
	char temporary[PATH_MAX];

	if (settings->restore_file == NULL)
		return;
	if (settings->records == NULL) {
		(void)unlink(settings->restore_file);
		return;
	}
	if (snprintf(temporary, sizeof(temporary), "%s.new", settings->restore_file) >=
		(int)sizeof(temporary))
		return;
	if (!write_records(settings, temporary) || rename(temporary, settings->restore_file) < 0)
		mip_log(settings->log, MIP_LOG_WARNING, "cannot write %s: %s", settings->restore_file,
			strerror(errno));
}

/* --- records --- */

static struct record *find(const struct mip_settings *settings, mip_link link, int setting)
{
	const struct record_key key = {link, setting};
	struct record *record;

	HASH_FIND(hh, settings->records, &key, sizeof(key), record);
	return record;
}

/* Finds or makes the record of a setting that is `current` now. NULL without memory. */
static struct record *take(struct mip_settings *settings, mip_link link, int setting, int current)
{
	struct record *record = find(settings, link, setting);

	if (record != NULL)
		return record;
	record = calloc(1, sizeof(*record));
	if (record == NULL)
		return NULL;
	record->key = (struct record_key){link, setting};
	record->original = current;
	record->ours = current;
	HASH_ADD(hh, settings->records, key, sizeof(record->key), record);
	if (record->hh.tbl == NULL) {
		free(record);
		return NULL;
	}
	return record;
}

static void drop(struct mip_settings *settings, struct record *record)
{
	HASH_DEL(settings->records, record);
	free(record);
}

/* The record of net.ipv4.ip_forward, if we changed it. */
static struct record *changed_host(const struct mip_settings *settings)
{
	struct record *host = find(settings, MIP_LINK_NONE, MIP_SETTING_FORWARDING);

	return host != NULL && host->wanted && host->ours != host->original ? host : NULL;
}

/* Whether the kernel sets it together with net.ipv4.ip_forward. */
static bool depends_on_host(const struct record_key *key)
{
	if (key->setting == MIP_SETTING_FORWARDING)
		return key->link != MIP_LINK_NONE;
	return key->setting == MIP_SETTING_ACCEPT_REDIRECTS && key->link == MIP_LINK_NONE;
}

/* What somebody else has set since we did is the original from now on. True if they have. */
static bool adopt(struct record *record, int current)
{
	if (current == record->ours)
		return false;
	record->original = current;
	record->ours = current;
	return true;
}

static bool refresh(struct record *record)
{
	int current = 0;

	return read_setting(record->key.link, record->key.setting, &current) == 0 && adopt(record, current);
}

/* --- net.ipv4.ip_forward and what depends on it --- */

static int take_dependent(struct mip_settings *settings, mip_link link, int setting)
{
	struct record *record;
	int current = 0;

	if (read_setting(link, setting, &current) < 0)
		return 0; /* a link that has just gone */
	record = take(settings, link, setting, current);
	if (record == NULL)
		return -ENOMEM;
	(void)adopt(record, current);
	return 0;
}

static int take_dependents(struct mip_settings *settings)
{
	struct if_nameindex *links = if_nameindex();
	int result = links == NULL ? -ENOBUFS : 0;

	for (size_t i = 0; result == 0 && links[i].if_index != 0; i++)
		result = take_dependent(settings, (mip_link)links[i].if_index, MIP_SETTING_FORWARDING);
	if (result == 0)
		result = take_dependent(settings, LINK_DEFAULT, MIP_SETTING_FORWARDING);
	if (result == 0)
		result = take_dependent(settings, MIP_LINK_NONE, MIP_SETTING_ACCEPT_REDIRECTS);
	if_freenameindex(links);
	return result;
}

/* After ip_forward was written: those that are wanted otherwise than the kernel set them are set again. */
static void settle_dependents(struct mip_settings *settings)
{
	struct record *record, *next;

	HASH_ITER (hh, settings->records, record, next) {
		if (!depends_on_host(&record->key) ||
			read_setting(record->key.link, record->key.setting, &record->ours) < 0)
			continue;
		if (record->wanted && record->ours != record->value &&
			write_setting(settings, record->key.link, record->key.setting, record->value) == 0)
			record->ours = record->value;
	}
}

/* After ip_forward was put back by us (`forced`), or by somebody else, whose doing the rest is then too. */
static void restore_dependents(struct mip_settings *settings, bool forced)
{
	struct record *record, *next;

	HASH_ITER (hh, settings->records, record, next) {
		int value;

		if (!depends_on_host(&record->key))
			continue;
		if (!forced)
			(void)refresh(record);
		value = record->wanted ? record->value : record->original;
		if (read_setting(record->key.link, record->key.setting, &record->ours) == 0 &&
			record->ours != value &&
			write_setting(settings, record->key.link, record->key.setting, value) == 0)
			record->ours = value;
		if (!record->wanted)
			drop(settings, record);
	}
}

static int set_host(struct mip_settings *settings, struct record *record, int current, int value)
{
	int result = take_dependents(settings);

	if (result < 0)
		return result;
	record->ours = value;
	save(settings);
	result = write_setting(settings, record->key.link, record->key.setting, value);
	if (result < 0)
		record->ours = current;
	settle_dependents(settings);
	save(settings);
	return result;
}

static void restore_host(struct mip_settings *settings, struct record *record)
{
	bool ours = !refresh(record) && record->ours != record->original;

	if (ours && write_setting(settings, record->key.link, record->key.setting, record->original) < 0)
		mip_log(settings->log, MIP_LOG_WARNING, "cannot put net.ipv4.ip_forward back");
	restore_dependents(settings, ours);
	drop(settings, record);
}

/* --- in and out --- */

int mip_settings_set(struct mip_settings *settings, mip_link link, enum mip_kernel_setting setting, int value)
{
	const struct record *host = changed_host(settings);
	struct record *record;
	int current = 0;
	int result = read_setting(link, (int)setting, &current);

	if (result < 0)
		return result;
	record = find(settings, link, (int)setting);
	if (record == NULL) {
		record = take(settings, link, (int)setting, current);
		if (record == NULL)
			return -ENOMEM;
		/* A link that came after ip_forward was changed would have had the default of before. */
		if (host != NULL && depends_on_host(&record->key)) {
			const struct record *otherwise = find(settings, LINK_DEFAULT, (int)setting);

			record->original = otherwise != NULL ? otherwise->original : current;
		}
	}
	(void)adopt(record, current);
	record->wanted = true;
	record->value = value;
	if (current == value)
		return 0;
	if (link == MIP_LINK_NONE && setting == MIP_SETTING_FORWARDING)
		return set_host(settings, record, current, value);
	record->ours = value;
	save(settings);
	result = write_setting(settings, link, (int)setting, value);
	if (result < 0)
		record->ours = current;
	return result;
}

void mip_settings_unset(struct mip_settings *settings, mip_link link, enum mip_kernel_setting setting)
{
	struct record *record = find(settings, link, (int)setting);
	const struct record *host = changed_host(settings);
	bool depends;
	int value;

	if (record == NULL || !record->wanted)
		return;
	record->wanted = false;
	if (link == MIP_LINK_NONE && setting == MIP_SETTING_FORWARDING) {
		restore_host(settings, record);
		save(settings);
		return;
	}
	depends = host != NULL && depends_on_host(&record->key);
	value = !depends ? record->original : link == MIP_LINK_NONE ? !host->value : host->value;
	if (!refresh(record) && record->ours != value &&
		write_setting(settings, link, (int)setting, value) == 0)
		record->ours = value;
	if (!depends)
		drop(settings, record);
	save(settings);
}

bool mip_settings_changed(struct mip_settings *settings, mip_link link, enum mip_kernel_setting setting)
{
	struct record *record = find(settings, link, (int)setting);

	if (record == NULL || !refresh(record))
		return false;
	save(settings);
	return record->wanted && record->ours != record->value;
}

void mip_settings_forget(struct mip_settings *settings, mip_link link)
{
	struct record *record, *next;
	bool dropped = false;

	HASH_ITER (hh, settings->records, record, next) {
		if (record->key.link != link)
			continue;
		drop(settings, record);
		dropped = true;
	}
	if (dropped)
		save(settings);
}

/* --- what a predecessor left --- */

/* A line of the file as a record. It counts only if the link of that index has the same name still. */
static void read_line(struct mip_settings *settings, const char *line)
{
	char setting[32], name[IFNAMSIZ], current_name[IFNAMSIZ] = "-";
	int link, original, ours;
	struct record *record;

	if (sscanf(line, "%31s %d %d %d %15s", setting, &link, &original, &ours, name) != 5)
		return;
	if (link > 0 &&
		(if_indextoname((unsigned)link, current_name) == NULL || strcmp(name, current_name) != 0))
		return;
	for (int i = 0; i < MIP_SETTING_COUNT; i++) {
		if (strcmp(known[i].name, setting) != 0)
			continue;
		record = take(settings, link, i, original);
		if (record != NULL)
			record->ours = ours;
	}
}

static void read_file(struct mip_settings *settings)
{
	FILE *stream = settings->restore_file != NULL ? fopen(settings->restore_file, "re") : NULL;
	char validity[VALIDITY];
	char line[256];

	if (stream == NULL)
		return;
	make_validity(validity);
	if (fgets(line, sizeof(line), stream) != NULL && strncmp(line, validity, strlen(validity)) == 0 &&
		line[strlen(validity)] == '\n')
		while (fgets(line, sizeof(line), stream) != NULL)
			read_line(settings, line);
	fclose(stream);
}

/* Puts all back that is as it was left; what somebody has changed since is theirs. */
static void restore_all(struct mip_settings *settings)
{
	struct record *host = find(settings, MIP_LINK_NONE, MIP_SETTING_FORWARDING);
	struct record *record, *next;

	if (host != NULL)
		restore_host(settings, host);
	HASH_ITER (hh, settings->records, record, next) {
		record->wanted = false;
		if (!refresh(record) && record->ours != record->original)
			(void)write_setting(
				settings, record->key.link, record->key.setting, record->original);
		drop(settings, record);
	}
	save(settings);
}

void mip_settings_end_adoption(struct mip_settings *settings)
{
	struct record *host = find(settings, MIP_LINK_NONE, MIP_SETTING_FORWARDING);
	struct record *record, *next;

	if (host != NULL && !host->wanted)
		restore_host(settings, host);
	host = changed_host(settings);
	HASH_ITER (hh, settings->records, record, next) {
		if (record->wanted || (host != NULL && depends_on_host(&record->key)))
			continue;
		if (!refresh(record) && record->ours != record->original)
			(void)write_setting(
				settings, record->key.link, record->key.setting, record->original);
		drop(settings, record);
	}
	save(settings);
}

int mip_settings_new(const struct mip_log *log, struct mip_netlink *netlink, const char *restore_file,
	bool adopts, struct mip_settings **ret_settings)
{
	struct mip_settings *settings = calloc(1, sizeof(*settings));

	if (settings == NULL)
		return -ENOMEM;
	settings->log = log;
	settings->netlink = netlink;
	if (restore_file != NULL) {
		settings->restore_file = strdup(restore_file);
		if (settings->restore_file == NULL) {
			free(settings);
			return -ENOMEM;
		}
	}
	read_file(settings);
	if (!adopts)
		restore_all(settings);
	*ret_settings = settings;
	return 0;
}

void mip_settings_leave(struct mip_settings *settings)
{
	struct record *record, *next;

	if (settings == NULL)
		return;
	save(settings);
	HASH_ITER (hh, settings->records, record, next)
		drop(settings, record);
	free(settings->restore_file);
	free(settings);
}

void mip_settings_free(struct mip_settings *settings)
{
	if (settings == NULL)
		return;
	restore_all(settings);
	free(settings->restore_file);
	free(settings);
}
