/*
 * The text of a configuration: a file with all that it includes, as one string for libconfig, and where each
 * of its lines stood.
 *
 * libconfig could include by itself, but then a file that cannot be read ends the process inside its scanner,
 * and it cuts integers beyond 32 bits without a word (an SPI has 32 bits without a sign). So this scanner
 * knows as much of the syntax as is needed to find `@include` lines and integers: strings, comments, names.
 * It replaces the former by their files' contents, marks the latter as wide (`4294967295L`), and refuses
 * those that do not fit in 64 bits either.
 */
#include "config_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MOST_INCLUDES_DEEP = 10,
	MOST_TEXT = 16 << 20,
};

/* One file while it is scanned. */
struct scan {
	struct mip_config *config;
	const char *octets;
	size_t length;
	size_t position;
	size_t file;
	unsigned line;
	unsigned depth;
};

static int source_include(struct mip_config *config, const char *name, unsigned depth);

void config_source_clear(struct config_source *source)
{
	if (source->text)
		explicit_bzero(source->text, source->size);
	free(source->text);
	free(source->lines);
	for (size_t i = 0; i < source->file_count; i++)
		free(source->files[i].name);
	free(source->files);
	*source = (struct config_source){0};
}

struct config_source_line config_source_place(const struct config_source *source, unsigned line)
{
	if (source->line_count == 0)
		return (struct config_source_line){.number = 1};
	if (line < 1)
		line = 1;
	if (line > source->line_count)
		line = source->line_count;
	return source->lines[line - 1];
}

char *config_path(const struct mip_config *config, const char *path)
{
	const char *folder = path[0] == '/' ? "" : config->folder;
	size_t size = strlen(folder) + strlen(path) + 1;
	char *joined = malloc(size);

	if (joined)
		snprintf(joined, size, "%s%s", folder, path);
	return joined;
}

static int line_begin(struct config_source *source, size_t file, unsigned number)
{
	if (source->line_count == source->line_size) {
		size_t size = source->line_size ? 2 * source->line_size : 256;
		void *lines = reallocarray(source->lines, size, sizeof(*source->lines));

		if (!lines)
			return -ENOMEM;
		source->lines = lines;
		source->line_size = size;
	}
	source->lines[source->line_count++] = (struct config_source_line){.file = file, .number = number};
	return 0;
}

/* Like realloc(), but what is left behind holds no keys. */
static int text_grow(struct config_source *source, size_t size)
{
	char *text = malloc(size);

	if (!text)
		return -ENOMEM;
	if (source->text) {
		memcpy(text, source->text, source->length);
		explicit_bzero(source->text, source->size);
		free(source->text);
	}
	source->text = text;
	source->size = size;
	return 0;
}

static int text_append(struct config_source *source, const char *octets, size_t length)
{
	if (source->size - source->length <= length) {
		int r = text_grow(source, 2 * (source->size + length) + 4096);

		if (r < 0)
			return r;
	}
	memcpy(source->text + source->length, octets, length);
	source->length += length;
	source->text[source->length] = '\0';
	return 0;
}

static int scan_complain(const struct scan *scan, const char *what)
{
	const struct config_source *source = &scan->config->source;

	return config_complain(scan->config, source->files[scan->file].name, scan->line, "%s", what);
}

/* Copies octets from the file to the text, and counts lines in both. */
static int scan_copy(struct scan *scan, size_t length)
{
	struct config_source *source = &scan->config->source;
	const char *from = scan->octets + scan->position;
	int r = text_append(source, from, length);

	for (size_t i = 0; i < length && r == 0; i++) {
		if (from[i] == '\n')
			r = line_begin(source, scan->file, ++scan->line);
		else if (from[i] == '\0')
			r = scan_complain(scan, "an octet of value 0 is no text");
	}
	scan->position += length;
	return r;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
	       c == '*';
}

static size_t span(const struct scan *scan, const char *accepted)
{
	/* The octets end with a NUL, which no set accepts. */
	return strspn(scan->octets + scan->position, accepted);
}

/* An integer: marked as wide when libconfig would cut it. */
static int scan_integer(struct scan *scan, size_t length, int base)
{
	const char *digits = scan->octets + scan->position;
	long long number;
	int r;

	errno = 0;
	number = strtoll(digits, NULL, base);
	if (errno == ERANGE)
		return scan_complain(scan, "the number has more than 64 bits");
	r = scan_copy(scan, length);
	if (r == 0 && scan->octets[scan->position] != 'L' && (number < INT_MIN || number > INT_MAX))
		r = text_append(&scan->config->source, "L", 1);
	return r;
}

static int scan_number(struct scan *scan)
{
	const char *at = scan->octets + scan->position;
	size_t sign = at[0] == '-' || at[0] == '+';
	size_t length = sign + strspn(at + sign, "0123456789");

	if (sign == 0 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
		return scan_integer(scan, 2 + strspn(at + 2, "0123456789abcdefABCDEF"), 16);
	if (at[length] == '.' || at[length] == 'e' || at[length] == 'E')
		return scan_copy(scan, span(scan, "0123456789.eE+-"));
	return scan_integer(scan, length, 10);
}

/* One token outside of strings and comments. */
static int scan_code(struct scan *scan)
{
	struct config_source *source = &scan->config->source;
	const char *at = scan->octets + scan->position;
	size_t length = 1;

	if (at[0] == '"') {
		source->scan = CONFIG_SCAN_STRING;
	} else if (at[0] == '#' || (at[0] == '/' && at[1] == '/')) {
		source->scan = CONFIG_SCAN_LINE_COMMENT;
	} else if (at[0] == '/' && at[1] == '*') {
		source->scan = CONFIG_SCAN_BLOCK_COMMENT;
		length = 2;
	} else if (is_digit(at[0]) || ((at[0] == '-' || at[0] == '+') && is_digit(at[1]))) {
		return scan_number(scan);
	} else {
		while (is_name(at[0]) && is_name(at[length]))
			length++;
	}
	return scan_copy(scan, length);
}

static int scan_inside(struct scan *scan)
{
	struct config_source *source = &scan->config->source;
	const char *at = scan->octets + scan->position;
	size_t length = 1;

	switch (source->scan) {
	case CONFIG_SCAN_STRING:
		if (at[0] == '"')
			source->scan = CONFIG_SCAN_CODE;
		else if (at[0] == '\\' && (at[1] == '\\' || at[1] == '"'))
			length = 2;
		break;
	case CONFIG_SCAN_LINE_COMMENT:
		if (at[0] == '\n')
			source->scan = CONFIG_SCAN_CODE;
		break;
	case CONFIG_SCAN_BLOCK_COMMENT:
		if (at[0] == '*' && at[1] == '/') {
			source->scan = CONFIG_SCAN_CODE;
			length = 2;
		}
		break;
	case CONFIG_SCAN_CODE:
		return scan_code(scan);
	}
	return scan_copy(scan, length);
}

/* The length of `@include "` with the blanks before and in it; 0 when something else stands here. */
static size_t include_head(const struct scan *scan)
{
	static const char word[] = "@include";
	const char *at = scan->octets + scan->position;
	const char *c = at + strspn(at, " \t");
	size_t blanks;

	if (strncmp(c, word, strlen(word)) != 0)
		return 0;
	c += strlen(word);
	blanks = strspn(c, " \t");
	return blanks > 0 && c[blanks] == '"' ? (size_t)(c + blanks + 1 - at) : 0;
}

/* The path up to the closing quote. */
static int include_path(struct scan *scan, char path[static PATH_MAX])
{
	const char *at = scan->octets + scan->position;
	size_t length = 0;

	for (; *at && *at != '"' && *at != '\n' && length < PATH_MAX - 1; at++) {
		if (*at == '\\' && (at[1] == '\\' || at[1] == '"'))
			at++;
		path[length++] = *at;
	}
	path[length] = '\0';
	if (*at != '"')
		return scan_complain(scan, "the name of the included file does not end");
	scan->position = at + 1 - scan->octets;
	return 0;
}

static int scan_include(struct scan *scan, size_t head)
{
	struct config_source *source = &scan->config->source;
	char path[PATH_MAX], *name;
	int r;

	scan->position += head;
	r = include_path(scan, path);
	if (r < 0)
		return r;
	if (scan->depth + 1 >= MOST_INCLUDES_DEEP)
		return scan_complain(scan, "files include each other too deeply");
	name = config_path(scan->config, path);
	if (!name)
		return -ENOMEM;
	/* The file's first line takes the place of this one, and what follows goes on in this one. */
	source->line_count--;
	r = source_include(scan->config, name, scan->depth + 1);
	if (r < 0 && r != -EINVAL && r != -ENOMEM)
		r = config_complain(scan->config, source->files[scan->file].name, scan->line,
			"cannot read the included file '%s': %s", name, strerror(-r));
	if (r == 0)
		r = text_append(source, "\n", 1);
	if (r == 0)
		r = line_begin(source, scan->file, scan->line);
	free(name);
	return r;
}

static int scan_file(struct scan *scan)
{
	struct config_source *source = &scan->config->source;
	int r = line_begin(source, scan->file, scan->line);

	while (r == 0 && scan->position < scan->length) {
		bool line_start = source->length == 0 || source->text[source->length - 1] == '\n';
		size_t head = line_start && source->scan == CONFIG_SCAN_CODE ? include_head(scan) : 0;

		r = head ? scan_include(scan, head) : scan_inside(scan);
		if (r == 0 && source->length > MOST_TEXT)
			r = scan_complain(scan, "the configuration is larger than 16 MiB");
	}
	return r;
}

/* Octets that may hold keys: wiped before they are given back. */
struct octets {
	char *octets;
	size_t length;
	size_t size;
};

static void octets_clear(struct octets *octets)
{
	if (octets->octets)
		explicit_bzero(octets->octets, octets->size);
	free(octets->octets);
	*octets = (struct octets){0};
}

static int octets_grow(struct octets *octets)
{
	struct octets larger = {.length = octets->length, .size = octets->size ? 2 * octets->size : 65536};

	larger.octets = malloc(larger.size);
	if (!larger.octets)
		return -ENOMEM;
	if (octets->length)
		memcpy(larger.octets, octets->octets, octets->length);
	octets_clear(octets);
	*octets = larger;
	return 0;
}

/* All of an open file, with a NUL behind it. */
static int read_whole(int descriptor, struct octets *octets)
{
	ssize_t n;

	do {
		if (octets->length + 1 >= octets->size && octets_grow(octets) < 0)
			return -ENOMEM;
		n = read(descriptor, octets->octets + octets->length, octets->size - octets->length - 1);
		if (n < 0)
			return -errno;
		octets->length += (size_t)n;
		octets->octets[octets->length] = '\0';
	} while (n > 0 && octets->length <= MOST_TEXT);
	return n > 0 ? -EFBIG : 0;
}

/* The file that the user named may be a pipe; one that it includes may not. */
static int open_file(const char *name, unsigned depth, int *ret_descriptor)
{
	int descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | (depth > 0 ? O_NONBLOCK : 0));
	struct stat status;
	int r = 0;

	if (descriptor < 0)
		return -errno;
	if (fstat(descriptor, &status) < 0)
		r = -errno;
	else if (S_ISDIR(status.st_mode))
		r = -EISDIR;
	else if (depth > 0 && !S_ISREG(status.st_mode))
		r = -ENXIO;
	if (r < 0)
		close(descriptor);
	else
		*ret_descriptor = descriptor;
	return r;
}

static int file_add(struct config_source *source, const char *name, struct config_exposure exposure)
{
	struct config_source_file *files =
		reallocarray(source->files, source->file_count + 1, sizeof(*source->files));
	char *copy = strdup(name);

	if (files)
		source->files = files;
	if (!files || !copy) {
		free(copy);
		return -ENOMEM;
	}
	files[source->file_count++] = (struct config_source_file){.name = copy, .exposure = exposure};
	return 0;
}

/* Appends a file and what it includes to the text. The errno of opening it, without a complaint; -EINVAL with
 * one. */
static int source_include(struct mip_config *config, const char *name, unsigned depth)
{
	struct scan scan = {.config = config, .line = 1, .depth = depth};
	struct octets octets = {0};
	int descriptor = -1, r;

	r = open_file(name, depth, &descriptor);
	if (r < 0)
		return r;
	r = read_whole(descriptor, &octets);
	if (r == 0)
		r = file_add(&config->source, name, config_exposure_of(descriptor, name));
	if (r == 0) {
		scan.octets = octets.octets;
		scan.length = octets.length;
		scan.file = config->source.file_count - 1;
		r = scan_file(&scan);
	}
	octets_clear(&octets);
	close(descriptor);
	return r;
}

int config_source_read(struct mip_config *config)
{
	int r = source_include(config, config->file, 0);

	if (r < 0 && r != -EINVAL && r != -ENOMEM)
		config_complain(config, config->file, 0, "cannot read the configuration: %s", strerror(-r));
	else if (r == 0)
		r = text_append(&config->source, "\n", 1);
	return r;
}
