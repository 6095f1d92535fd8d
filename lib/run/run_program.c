/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_program.h"

#include <string.h>

#include "rte_pmd_ism.h"

/* The function is open. */
static int
serve(const struct run_program *program, void *opt, uint16_t dev_id)
{
	int ret = program->start(opt, dev_id), status;

	if (ret == 0)
		run_loop(&program->idle);
	else if (ret < 0)
		run_error("cannot start: %s", strerror(-ret));
	status = program->stop(opt);
	if (ret != 0)
		return ret > 0 ? ret : RUN_EXIT_FAIL;
	return status;
}

int
run_program(const struct run_program *program, int argc, char **argv, void *opt)
{
	uint16_t dev_id;
	int ret = run_args(argc, argv, program->options.program, &argc, &argv);

	if (ret == RUN_EXIT_OK)
		ret = run_options_parse(&program->options, argc, argv, opt);
	if (ret >= 0)
		return ret;
	ret = run_eal_init();
	if (ret == RUN_EXIT_OK)
		ret = run_device(program->device != NULL ? *program->device : NULL, &dev_id);
	if (ret == RUN_EXIT_OK) {
		ret = serve(program, opt, dev_id);
		rte_pmd_ism_close(dev_id);
	}
	run_fini();
	return ret;
}
