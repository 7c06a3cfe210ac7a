/*
 * Replay protection as a game: a node, its home agent and an attacker who repeats whatever was sent. The
 * input says what happens next: a request that arrives or is lost, a reply that is lost, a repeated request,
 * clocks that jump, a restart. Nothing is accepted twice, and after a refusal whose reply arrives the next
 * request is accepted.
 */
#include "fuzz.h"
#include "registration.h"
#include "replay.h"

enum {
	SENT_MAX = 512,
};

static const mip_time roll_over = 2085978496 * MIP_SECOND; /* 2036-02-07 06:28:16 UTC */

struct game {
	struct mip_association *association;
	struct mip_replay_state state;
	struct mip_replay_sender sender;
	mip_time wall;	/* the home agent's */
	mip_time ahead; /* of the node's clock */
	uint64_t sent[SENT_MAX];
	bool accepted[SENT_MAX];
	bool restarted; /* the node, and so it does not know what it sent last */
	size_t count;
	uint64_t random;
};

static void game_fill(void *context, void *octets, size_t length)
{
	struct game *game = context;
	uint8_t *out = octets;

	for (size_t i = 0; i < length; i++) {
		game->random = game->random * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(game->random >> 56);
	}
}

static bool arrives(struct game *game, size_t which, uint64_t *ret_reply)
{
	const struct mip_random random = {game_fill, game};
	enum mip_replay_verdict verdict =
		mip_replay_judge(game->association, &game->state, game->sent[which], game->wall);

	if (verdict == MIP_REPLAY_FRESH) {
		FUZZ_CHECK(!game->accepted[which]);
		game->accepted[which] = true;
		mip_replay_accept(&game->state, game->association, game->sent[which]);
	}
	*ret_reply = mip_replay_reply_identification(
		&game->state, game->association, verdict, game->sent[which], game->wall, &random);
	FUZZ_CHECK(mip_replay_matches(game->sent[which], *ret_reply));
	return verdict == MIP_REPLAY_FRESH;
}

static size_t request(struct game *game)
{
	const struct mip_random random = {game_fill, game};
	uint64_t identification =
		mip_replay_next(&game->sender, game->association, game->wall + game->ahead, &random);

	FUZZ_CHECK(game->count == 0 || game->restarted || identification != game->sent[game->count - 1]);
	game->restarted = false;
	game->sent[game->count] = identification;
	return game->count++;
}

static void learn(struct game *game, bool fresh, uint64_t reply)
{
	mip_replay_learn(&game->sender, game->association,
		fresh ? MIP_CODE_ACCEPTED : MIP_CODE_HA_IDENTIFICATION_MISMATCH, reply,
		game->wall + game->ahead);
}

/* A request and its reply; after a refusal another, a second later, which must do: the clocks of the past
 * may only have been ahead of the home agent's by its tolerance, which that long has passed over. */
static void exchange(struct game *game)
{
	uint64_t reply;
	bool fresh = arrives(game, request(game), &reply);

	learn(game, fresh, reply);
	if (fresh)
		return;
	game->wall += (MIP_REPLAY_TOLERANCE_SECONDS + 2) * MIP_SECOND;
	FUZZ_CHECK(arrives(game, request(game), &reply));
	learn(game, true, reply);
}

static void step(struct game *game, uint8_t what)
{
	uint64_t reply;

	switch (what % 8) {
	case 0:
		exchange(game);
		break;
	case 1: /* lost on the way */
		request(game);
		break;
	case 2: /* the reply is lost */
		arrives(game, request(game), &reply);
		break;
	case 3: /* repeated by an attacker */
		if (game->count > 0)
			arrives(game, what / 8u * game->count / 32u, &reply);
		break;
	case 4:
		game->wall += (mip_time)(what / 8) * MIP_SECOND / 4;
		break;
	case 5: /* the node's clock is set, forward or back */
		game->ahead += (mip_time)(what / 8 - 16) * 1000 * MIP_SECOND;
		break;
	case 6: /* the node restarts */
		game->sender = (struct mip_replay_sender){0};
		game->restarted = true;
		break;
	case 7: /* the years go by: 2036 comes; but not 68 of them in one */
		if (game->wall < roll_over)
			game->wall += (mip_time)(what / 8) * 86400 * 30 * MIP_SECOND;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct mip_association *associations[2];
	static struct game game;
	uint8_t key[] = "key";

	for (size_t i = 0; i < 2 && !associations[i]; i++) {
		struct mip_association_settings settings = {
			.spi = 1000, .replay = (enum mip_replay_style)i, .key = {key, 3}};

		FUZZ_CHECK(mip_association_new(&settings, &associations[i]) == 0);
	}
	if (length < 1)
		return 0;
	game = (struct game){.association = associations[octets[0] & 1], .random = octets[0]};
	game.wall = 1795435200 * MIP_SECOND;
	for (size_t i = 1; i < length && game.count + 2 < SENT_MAX; i++)
		step(&game, octets[i]);
	return 0;
}
