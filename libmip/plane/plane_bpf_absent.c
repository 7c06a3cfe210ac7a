/*
 * In place of the bpf accelerator where the build had no clang or no libbpf.
 */
#include <errno.h>

#include "accelerator.h"
#include "text.h"

int mip_bpf_new(struct mip_user *user, struct mip_accelerator **ret_accelerator,
	char ret_reason[static MIP_PLANE_REASON])
{
	struct mip_text text = mip_text_of(ret_reason, MIP_PLANE_REASON);

	(void)user;
	(void)ret_accelerator;
	mip_text_add(&text, "this build was made without clang or libbpf");
	return -EOPNOTSUPP;
}

void mip_bpf_sweep(struct mip_user *user)
{
	(void)user; /* a predecessor of another build may have left something, which this one knows nothing of */
}
