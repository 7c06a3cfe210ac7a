/*
 * The answers of the daemons as text for people. Nothing that came from the network reaches the terminal as a
 * control character. What is null shows as "-", a lifetime of 65535 as "infinite".
 */
#ifndef MIPCTL_SHOW_H
#define MIPCTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "command.h"

/* An answer's result, in its command's form. `colour`: with escape sequences for a terminal. */
void mipctl_print(FILE *stream, enum mipctl_form form, json_t *result, bool colour);

/* "home address: 10.1.0.50", a line each, the values below one another. */
void mipctl_print_facts(FILE *stream, json_t *result, bool colour);
/* The list under the result's only name that is one: headings, a row each, numbers to the right. */
void mipctl_print_table(FILE *stream, json_t *result, bool colour);
void mipctl_print_counters(FILE *stream, json_t *result, bool colour);
/* The local time, the event, its fields as name=value. */
void mipctl_print_event(FILE *stream, json_t *event, bool colour);

enum {
	MIPCTL_CELL = 512,
};
/* One value under its name as text: 65535 under "lifetime" is "infinite". */
const char *mipctl_cell(const char *name, const json_t *value, char text[static MIPCTL_CELL]);
/* How many characters wide a text in UTF-8 is. */
size_t mipctl_width(const char *text);

#endif
