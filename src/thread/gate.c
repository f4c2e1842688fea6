/* A gate is a budget of holders: the budget already serves in the order of asking and looks at cancel. */
#include "base/memory.h"
#include "thread/thread.h"

struct gate {
    struct budget *holders;
};

status gate_new(unsigned limit, struct gate **out, struct error *err)
{
    SCOPED(mem_freep) struct gate *gate = mem_zalloc(sizeof(*gate));
    if (!gate)
        return error_no_memory(err);
    TRY(budget_new(limit > 0 ? limit : 1, &gate->holders, err));
    *out = TAKE(gate);
    return STATUS_OK;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    budget_free(gate->holders);
    mem_free(gate);
}

status gate_enter(struct gate *gate, struct cancel *cancel, struct error *err)
{
    return budget_wait(gate->holders, 1, cancel, err);
}

void gate_leave(struct gate *gate)
{
    budget_return(gate->holders, 1);
}
