/*
 * Elements of the nftables table's sets, as nf_tables netlink messages: a thousand elements in a message, many
 * messages in a batch, so that a million peers are a matter of seconds.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "kernel.h"

enum {
	ELEMENTS = 1000,	   /* in a message: an attribute holds 64 KiB */
	BATCH_OCTETS = 512 * 1024, /* in a batch */
	NFNL_RESOURCE_NFTABLES = NFNL_SUBSYS_NFTABLES,
};

static void begin_message(struct mip_kernel_socket *filter, int type, int flags)
{
	const struct nfgenmsg header = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};

	mip_kernel_begin(filter, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &header, sizeof(header));
}

static void frame(struct mip_kernel_socket *filter, int type)
{
	const struct nfgenmsg header = {
		.nfgen_family = AF_UNSPEC,
		.version = NFNETLINK_V0,
		.res_id = mip_swap16(NFNL_RESOURCE_NFTABLES),
	};

	mip_kernel_begin(filter, type, 0, &header, sizeof(header));
}

static void write_element(struct mip_kernel_socket *filter, const struct mip_kernel_element *element)
{
	size_t item = mip_kernel_nest(filter, NFTA_LIST_ELEM);
	size_t key = mip_kernel_nest(filter, NFTA_SET_ELEM_KEY);

	mip_kernel_put(filter, NFTA_DATA_VALUE, element->addresses,
		mip_kernel_set_width(element->set) * sizeof(element->addresses[0]));
	mip_kernel_unnest(filter, key);
	mip_kernel_unnest(filter, item);
}

static size_t begin_list(struct mip_kernel *kernel, enum mip_kernel_set set)
{
	mip_kernel_put_text(kernel->filter, NFTA_SET_ELEM_LIST_TABLE, kernel->table);
	mip_kernel_put_text(kernel->filter, NFTA_SET_ELEM_LIST_SET, mip_kernel_set_name(set));
	return mip_kernel_nest(kernel->filter, NFTA_SET_ELEM_LIST_ELEMENTS);
}

struct mip_kernel_elements mip_kernel_elements_begin(struct mip_kernel *kernel)
{
	return (struct mip_kernel_elements){.kernel = kernel, .set = MIP_KERNEL_NO_SET};
}

static void end_message(struct mip_kernel_elements *elements)
{
	if (elements->count > 0)
		mip_kernel_unnest(elements->kernel->filter, elements->list);
	elements->count = 0;
	elements->set = MIP_KERNEL_NO_SET;
}

/* The last message before the batch's end asks for the answer. */
static void send_batch(struct mip_kernel_elements *elements)
{
	struct mip_kernel_socket *filter = elements->kernel->filter;
	int error;

	end_message(elements);
	if (mip_kernel_waiting(filter) == 0)
		return;
	mip_kernel_acknowledge(filter);
	frame(filter, NFNL_MSG_BATCH_END);
	error = mip_kernel_send(filter, NULL);
	if (!elements->error)
		elements->error = error;
}

void mip_kernel_elements_add(
	struct mip_kernel_elements *elements, const struct mip_kernel_element *element, bool removal)
{
	struct mip_kernel_socket *filter = elements->kernel->filter;

	if (elements->set != element->set || elements->removal != removal || elements->count == ELEMENTS)
		end_message(elements);
	if (!removal)
		elements->used |= 1U << element->set;
	if (elements->count == 0) {
		if (mip_kernel_waiting(filter) > BATCH_OCTETS)
			send_batch(elements);
		if (mip_kernel_waiting(filter) == 0)
			frame(filter, NFNL_MSG_BATCH_BEGIN);
		begin_message(filter, removal ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM,
			removal ? 0 : NLM_F_CREATE);
		elements->list = begin_list(elements->kernel, element->set);
		elements->set = element->set;
		elements->removal = removal;
	}
	write_element(filter, element);
	elements->count++;
}

int mip_kernel_elements_send(struct mip_kernel_elements *elements)
{
	send_batch(elements);
	if (!elements->error)
		elements->error = mip_kernel_filter_use(elements->kernel, elements->used);
	return elements->error;
}

/* --- what an element counted ------------------------------------------------------------------ */

static const struct nlattr *inside(const struct nlattr *nest, int attribute)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), attribute) : NULL;
}

/* A counter among the expressions of an element. */
static struct mip_kernel_count read_count(const struct nlattr *item)
{
	const struct nlattr *data = inside(inside(item, NFTA_SET_ELEM_EXPR), NFTA_EXPR_DATA);

	return (struct mip_kernel_count){
		.packets = mip_kernel_count64(inside(data, NFTA_COUNTER_PACKETS)),
		.bytes = mip_kernel_count64(inside(data, NFTA_COUNTER_BYTES)),
	};
}

struct listing {
	enum mip_kernel_set set;
	mip_kernel_element_function *function;
	void *context;
};

static void read_elements(void *context, const struct nlmsghdr *message)
{
	const struct listing *listing = context;
	size_t length = mip_kernel_set_width(listing->set) * sizeof(struct mip_address);
	const struct nlattr *list = nlmsg_find_attr(
		(struct nlmsghdr *)(uintptr_t)message, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct nlattr *item;
	int left;

	if (!list)
		return;
	nla_for_each_nested(item, (struct nlattr *)(uintptr_t)list, left)
	{
		const struct nlattr *value = inside(inside(item, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
		struct mip_kernel_element element = {.set = listing->set};
		struct mip_kernel_count count = read_count(item);

		if (!value || (size_t)nla_len(value) < length)
			continue;
		memcpy(element.addresses, nla_data(value), length);
		listing->function(listing->context, &element, &count);
	}
}

static void take_count(
	void *context, const struct mip_kernel_element *element, const struct mip_kernel_count *count)
{
	(void)element;
	*(struct mip_kernel_count *)context = *count;
}

int mip_kernel_element_count(struct mip_kernel *kernel, const struct mip_kernel_element *element,
	struct mip_kernel_count *ret_count)
{
	struct listing listing = {element->set, take_count, ret_count};
	size_t list;

	begin_message(kernel->filter, NFT_MSG_GETSETELEM, 0);
	list = begin_list(kernel, element->set);
	write_element(kernel->filter, element);
	mip_kernel_unnest(kernel->filter, list);
	return mip_kernel_ask(kernel->filter, read_elements, &listing);
}

int mip_kernel_elements_list(struct mip_kernel *kernel, enum mip_kernel_set set,
	mip_kernel_element_function *function, void *context)
{
	struct listing listing = {set, function, context};

	begin_message(kernel->filter, NFT_MSG_GETSETELEM, 0);
	mip_kernel_put_text(kernel->filter, NFTA_SET_ELEM_LIST_TABLE, kernel->table);
	mip_kernel_put_text(kernel->filter, NFTA_SET_ELEM_LIST_SET, mip_kernel_set_name(set));
	return mip_kernel_list(kernel->filter, read_elements, &listing);
}
