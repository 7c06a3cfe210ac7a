#include "run.h"

int main(int argc, char **argv)
{
	return mipctl_run(argc, argv);
}
