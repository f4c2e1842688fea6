#include "base/cpu.h"
#include "cli/cmd.h"

static status run(struct invocation *invocation, struct error *err)
{
    const char *kernels = cpu_level_text(cpu_level());
    if (invocation->json)
        return print_json(invocation,
                          json_pack("{s:s,s:s}", "version", LEAT_VERSION, "kernels", kernels), err);
    fprintf(invocation->out, "leat %s, kernels: %s\n", LEAT_VERSION, kernels);
    return STATUS_OK;
}

const struct command cmd_version = {
    .name = "version",
    .synopsis = "",
    .summary = "the version of this program, and its kernels",
    .help = "Prints the version of this program, and which kernels it runs: portable, avx2 or "
            "avx512, the best that "
            "the processor has. LEAT_CPU=portable (or avx2) in the environment lowers it.",
    .example = "leat version",
    .run = run,
};
