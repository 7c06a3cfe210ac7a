/*
 * mip-sim: runs seeds of the simulator, the table of losses, and the proof that the properties can fail.
 */
#include "sim.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROOF_SEEDS = 2000, /* at most, until a break is caught */
	LOSS_RUNS = 1000,
	EXIT_USAGE = 2,
};

static const char usage[] =
	"usage: mip-sim [-v] --seed N\n"
	"       mip-sim [-q] --seeds FROM-TO\n"
	"       mip-sim --loss[=RUNS] [--json FILE]\n"
	"       mip-sim --prove\n"
	"       mip-sim --break NAME --seeds FROM-TO\n"
	"\n"
	"Runs seeds of the simulator: the cores of nodes and agents in virtual time, over links and among "
	"people that do them\n"
	"harm (doc/reliability.md). Ends with status 1 at the first seed in which something that must hold "
	"does not, and\n"
	"prints it.\n"
	"\n"
	"  --seed N         one run; with -v the last things that happened in it, with -vv all\n"
	"  --seeds FROM-TO  one run after another, both ends included\n"
	"  --loss[=RUNS]    the time until a node is registered, when messages are lost each way; 1000 runs "
	"for each rate\n"
	"  --rate PARTS     with --seed: that run of the table with a loss of so many parts of a thousand\n"
	"  --json FILE      that table as JSON, too\n"
	"  --break NAME     with something broken on purpose\n"
	"  --prove          each break in turn: the property that it violates must be seen to fail\n"
	"  -q               nothing but a failure is printed\n";

/* --- seeds ------------------------------------------------------------------------------------------------------ */

struct sums {
	uint64_t runs, events, messages, registrations;
	double simulated; /* s */
};

static void add(struct sums *sums, const struct sim_result *result)
{
	sums->runs++;
	sums->events += result->events;
	sums->messages += result->messages;
	sums->registrations += result->registrations;
	sums->simulated += (double)result->simulated / (double)MIP_SECOND;
}

static void print_sums(const struct sums *sums)
{
	printf("%llu runs: nothing found. %llu events, %llu messages, %llu registrations in %.0f simulated "
	       "seconds\n",
		(unsigned long long)sums->runs, (unsigned long long)sums->events,
		(unsigned long long)sums->messages, (unsigned long long)sums->registrations, sums->simulated);
}

static int run_seeds(uint64_t from, uint64_t to, const struct sim_options *options, bool quiet)
{
	struct sums sums = {0};

	for (uint64_t seed = from;; seed++) {
		struct sim_result result = sim_run(seed, options);

		if (result.failure.failed) {
			printf("seed %llu: %s: %s\n", (unsigned long long)seed, result.failure.property,
				result.failure.text);
			return EXIT_FAILURE;
		}
		add(&sums, &result);
		if (seed == to)
			break;
	}
	if (!quiet)
		print_sums(&sums);
	return EXIT_SUCCESS;
}

/* --- the proof -------------------------------------------------------------------------------------------------- */

/* The first seed in which the break is seen violates its own property, and no other. */
static bool prove(enum sim_break broken)
{
	const struct sim_options options = {.broken = broken};

	for (uint64_t seed = 1; seed <= PROOF_SEEDS; seed++) {
		struct sim_result result = sim_run(seed, &options);

		if (!result.failure.failed)
			continue;
		printf("%-12s seed %4llu: %s: %s\n", sim_breaks[broken].name, (unsigned long long)seed,
			result.failure.property, result.failure.text);
		if (strcmp(result.failure.property, sim_breaks[broken].property) == 0)
			return true;
	}
	printf("%-12s is not caught by \"%s\"\n", sim_breaks[broken].name, sim_breaks[broken].property);
	return false;
}

static int prove_all(void)
{
	int status = EXIT_SUCCESS;

	for (int broken = SIM_BREAK_NONE + 1; broken < SIM_BREAK_COUNT; broken++) {
		if (!prove((enum sim_break)broken))
			status = EXIT_FAILURE;
	}
	return status;
}

/* --- the table of losses ---------------------------------------------------------------------------------------- */

static const unsigned loss_rates[] = {16, 50, 100, 250, 500, 750}; /* of a thousand */

static int by_value(const void *a, const void *b)
{
	const mip_time one = *(const mip_time *)a, other = *(const mip_time *)b;

	return (one > other) - (one < other);
}

/* 0, or 1: something failed that must hold. */
static int loss_row(unsigned loss, unsigned runs, json_t *rows)
{
	const struct sim_options options = {.loss_only = true, .loss = loss};
	mip_time *times = calloc(runs + 1, sizeof(*times));
	unsigned stuck = 0, counted = 0;
	double median, ninetieth;

	if (!times)
		return 1;
	for (unsigned seed = 1; seed <= runs; seed++) {
		struct sim_result result = sim_run(seed, &options);

		if (!result.failure.failed && result.first_registered != MIP_NEVER) {
			times[counted++] = result.first_registered;
			continue;
		}
		stuck++;
		fprintf(stderr, "seed %u is stuck: %s: %s\n", seed, result.failure.property,
			result.failure.text);
	}
	qsort(times, counted, sizeof(*times), by_value);
	median = (double)times[counted / 2] / (double)MIP_SECOND;
	ninetieth = (double)times[counted * 9 / 10] / (double)MIP_SECOND;
	free(times);
	printf("%6.1f %%  %6u  %9.3f  %9.3f  %5u\n", loss / 10.0, runs, median, ninetieth, stuck);
	json_array_append_new(rows, json_pack("{s:f, s:i, s:f, s:f, s:i}", "loss_percent", loss / 10.0,
					    "runs", (int)runs, "median_seconds", median,
					    "ninetieth_percentile_seconds", ninetieth, "stuck", (int)stuck));
	return stuck > 0;
}

static int loss_table(unsigned runs, const char *json_file)
{
	json_t *rows = json_array();
	int status = 0;

	if (!rows)
		return EXIT_FAILURE;
	printf("loss each way   runs  median, s  90th, s  stuck\n");
	for (size_t i = 0; i < MIP_ARRAY_SIZE(loss_rates); i++)
		status |= loss_row(loss_rates[i], runs, rows);
	if (json_file && json_dump_file(rows, json_file, JSON_INDENT(2)) < 0) {
		fprintf(stderr, "%s: %s\n", json_file, strerror(errno));
		status = 1;
	}
	json_decref(rows);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- arguments -------------------------------------------------------------------------------------------------- */

struct arguments {
	bool has_seeds, quiet, prove, loss;
	uint64_t from, to;
	unsigned runs;
	const char *json_file;
	struct sim_options options;
};

static int read_number(const char *text, char **end, uint64_t *ret_number)
{
	unsigned long long number;

	errno = 0;
	number = strtoull(text, end, 10);
	if (errno != 0 || *end == text || text[0] == '-')
		return -EINVAL;
	*ret_number = number;
	return 0;
}

static int read_seeds(const char *text, bool range, struct arguments *arguments)
{
	char *end;

	if (read_number(text, &end, &arguments->from) < 0)
		return -EINVAL;
	arguments->to = arguments->from;
	if (range && (*end != '-' || read_number(end + 1, &end, &arguments->to) < 0))
		return -EINVAL;
	arguments->has_seeds = true;
	return *end == '\0' && arguments->to >= arguments->from ? 0 : -EINVAL;
}

static int read_break(const char *name, struct arguments *arguments)
{
	for (int broken = 0; broken < SIM_BREAK_COUNT; broken++) {
		if (strcmp(sim_breaks[broken].name, name) == 0) {
			arguments->options.broken = (enum sim_break)broken;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_runs(const char *text, struct arguments *arguments)
{
	uint64_t number = LOSS_RUNS;
	char *end = NULL;

	arguments->loss = true;
	if (text &&
		(read_number(text, &end, &number) < 0 || *end != '\0' || number == 0 || number > INT32_MAX))
		return -EINVAL;
	arguments->runs = (unsigned)number;
	return 0;
}

/* The table's worlds, with this loss. */
static int read_rate(const char *text, struct arguments *arguments)
{
	uint64_t number;
	char *end;

	if (read_number(text, &end, &number) < 0 || *end != '\0' || number >= 1000)
		return -EINVAL;
	arguments->options.loss_only = true;
	arguments->options.loss = (unsigned)number;
	return 0;
}

static int read_option(int option, struct arguments *arguments)
{
	switch (option) {
	case 's':
		return read_seeds(optarg, false, arguments);
	case 'r':
		return read_seeds(optarg, true, arguments);
	case 'b':
		return read_break(optarg, arguments);
	case 'l':
		return read_runs(optarg, arguments);
	case 'o':
		return read_rate(optarg, arguments);
	case 'j':
		arguments->json_file = optarg;
		return 0;
	case 'p':
		arguments->prove = true;
		return 0;
	case 'q':
		arguments->quiet = true;
		return 0;
	case 'v':
		arguments->options.verbose++;
		return 0;
	default:
		return -EINVAL;
	}
}

static int read_arguments(int count, char **values, struct arguments *arguments)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"seeds", required_argument, NULL, 'r'},
		{"break", required_argument, NULL, 'b'},
		{"loss", optional_argument, NULL, 'l'},
		{"rate", required_argument, NULL, 'o'},
		{"json", required_argument, NULL, 'j'},
		{"prove", no_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, status = 0;

	while (status == 0 && (option = getopt_long(count, values, "qvh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		status = read_option(option, arguments);
	}
	if (status == 0 && optind == count && arguments->has_seeds + arguments->loss + arguments->prove == 1)
		return 0;
	fputs(usage, stderr);
	return -EINVAL;
}

int main(int count, char **values)
{
	struct arguments arguments = {0};

	if (read_arguments(count, values, &arguments) < 0)
		return EXIT_USAGE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (arguments.prove)
		return prove_all();
	if (arguments.loss)
		return loss_table(arguments.runs, arguments.json_file);
	return run_seeds(arguments.from, arguments.to, &arguments.options, arguments.quiet);
}
