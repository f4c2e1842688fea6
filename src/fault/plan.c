#include "fault/plan.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static const char *const kind_names[FAULT_N_KINDS] = {
    [FAULT_WRITE] = "write",         [FAULT_FSYNC] = "fsync",
    [FAULT_OPENAT] = "openat",       [FAULT_OPEN_BENEATH] = "open_beneath",
    [FAULT_PREAD] = "pread",         [FAULT_LINKAT] = "linkat",
    [FAULT_RENAMEAT] = "renameat",   [FAULT_UNLINKAT] = "unlinkat",
    [FAULT_MKDIRAT] = "mkdirat",     [FAULT_COPY_FILE_RANGE] = "copy_file_range",
    [FAULT_SYNCFS] = "syncfs",       [FAULT_FSTAT] = "fstat",
    [FAULT_FSTATAT] = "fstatat",     [FAULT_FLOCK] = "flock",
    [FAULT_FTRUNCATE] = "ftruncate", [FAULT_CLOSE] = "close",
    [FAULT_ALLOC] = "alloc",         [FAULT_MAP] = "map",
    [FAULT_THREAD] = "thread",       [FAULT_RANDOM] = "random",
    [FAULT_CLOCK] = "clock",
};

#define ALL_KINDS     ((UINT32_C(1) << FAULT_N_KINDS) - 1)
#define STORAGE_KINDS ((UINT32_C(1) << FAULT_N_STORAGE) - 1)
#define SIZED_KINDS                                                                                \
    (UINT32_C(1) << FAULT_WRITE | UINT32_C(1) << FAULT_PREAD | UINT32_C(1) << FAULT_COPY_FILE_RANGE)
#define MEMORY_KINDS (UINT32_C(1) << FAULT_ALLOC | UINT32_C(1) << FAULT_MAP)
#define CLOCK_KINDS  (UINT32_C(1) << FAULT_CLOCK)

static const struct {
    const char *name;
    int value;
} errnos[] = {
    {"EIO", EIO},         {"ENOSPC", ENOSPC}, {"EINTR", EINTR},           {"EDQUOT", EDQUOT},
    {"EACCES", EACCES},   {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN},         {"ENOMEM", ENOMEM},
    {"EEXIST", EEXIST},   {"ENOENT", ENOENT}, {"EPERM", EPERM},           {"EROFS", EROFS},
    {"ENOLCK", ENOLCK},   {"EXDEV", EXDEV},   {"EOPNOTSUPP", EOPNOTSUPP}, {"ENOSYS", ENOSYS},
    {"ENOTDIR", ENOTDIR}, {"EISDIR", EISDIR}, {"ELOOP", ELOOP},           {"EBUSY", EBUSY},
    {"ESTALE", ESTALE},   {"EINVAL", EINVAL},
};

const char *fault_kind_name(enum fault_kind kind)
{
    return kind_names[kind];
}

static status wrong(const struct fault_rule *rule, const char *what, struct error *err)
{
    return error_set(err, STATUS_BAD_CONFIG, "fault rule \"%s\": %s", rule->text, what);
}

static uint32_t kinds_of(const char *name, size_t length)
{
    if (length == 3 && memcmp(name, "any", 3) == 0)
        return ALL_KINDS;
    if (length == 7 && memcmp(name, "storage", 7) == 0)
        return STORAGE_KINDS;
    for (size_t i = 0; i < FAULT_N_KINDS; i++)
        if (strlen(kind_names[i]) == length && memcmp(kind_names[i], name, length) == 0)
            return UINT32_C(1) << i;
    return 0;
}

/* "K", "K+" or "*". */
static bool parse_which(const char *text, size_t length, struct fault_rule *rule)
{
    int64_t first;
    if (length == 1 && text[0] == '*') {
        rule->first = 1;
        rule->onwards = true;
        return true;
    }
    if (length > 0 && text[length - 1] == '+') {
        rule->onwards = true;
        length--;
    }
    if (!text_parse_int64(text, length, &first) || first < 1)
        return false;
    rule->first = (uint64_t)first;
    return true;
}

static bool parse_action(const char *text, struct fault_rule *rule)
{
    static const struct {
        const char *name;
        enum fault_action action;
    } actions[] = {
        {"count", FAULT_DO_COUNT},           {"short", FAULT_DO_SHORT}, {"kill", FAULT_DO_KILL},
        {"kill-after", FAULT_DO_KILL_AFTER}, {"stop", FAULT_DO_STOP},
    };
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(text, actions[i].name) == 0) {
            rule->action = actions[i].action;
            return true;
        }
    for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
        if (strcmp(text, errnos[i].name) == 0) {
            rule->action = FAULT_DO_ERRNO;
            rule->os_errno = errnos[i].value;
            return true;
        }
    rule->action = FAULT_DO_DELAY;
    return text_starts_with(text, "delay=") &&
           text_parse_int64(text + 6, strlen(text + 6), &rule->delay_ms) && rule->delay_ms >= 0;
}

/* What can't happen is a mistake in the plan, not a rule that never acts. */
static status check_rule(const struct fault_rule *rule, struct error *err)
{
    bool is_errno = rule->action == FAULT_DO_ERRNO;
    if (rule->action == FAULT_DO_SHORT && !(rule->kinds & SIZED_KINDS))
        return wrong(rule, "only write, pread and copy_file_range can be short", err);
    if (is_errno && !(rule->kinds & ~MEMORY_KINDS) && rule->os_errno != ENOMEM)
        return wrong(rule, "alloc and map fail with ENOMEM only", err);
    if (is_errno && !(rule->kinds & ~CLOCK_KINDS))
        return wrong(rule, "a clock can't fail", err);
    if (rule->path[0] && !(rule->kinds & STORAGE_KINDS))
        return wrong(rule, "only file operations have a path", err);
    return STATUS_OK;
}

static status parse_rule(const char *text, size_t length, struct fault_rule *rule,
                         struct error *err)
{
    if (length >= sizeof(rule->text))
        return error_set(err, STATUS_BAD_CONFIG, "a fault rule is longer than %zu bytes: %.40s...",
                         sizeof(rule->text) - 1, text);
    memcpy(rule->text, text, length);            /* zeroed behind */
    const char *mark = strrchr(rule->text, '#'); /* the last: a path part may hold one too */
    const char *equals = mark ? strchr(mark, '=') : NULL;
    if (!equals)
        return wrong(rule, "expected KIND[:PATHPART]#K=ACTION", err);
    size_t kind_length = strcspn(rule->text, ":#");
    const char *path = rule->text + kind_length + 1;
    if (path < mark)
        memcpy(rule->path, path, (size_t)(mark - path));
    rule->kinds = kinds_of(rule->text, kind_length);
    if (rule->kinds == 0)
        return wrong(rule, "no such kind of call; see src/fault/README.md", err);
    if (!parse_which(mark + 1, (size_t)(equals - mark - 1), rule))
        return wrong(rule, "expected a count from 1, such as #3=, #3+= or #*=", err);
    if (!parse_action(equals + 1, rule))
        return wrong(rule,
                     "expected an errno by name, short, kill, kill-after, stop, delay=MS or count",
                     err);
    return check_rule(rule, err);
}

status fault_plan_parse(const char *text, struct fault_plan *out, struct error *err)
{
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ";");
        if (length > 0) {
            if (out->n_rules == FAULT_MAX_RULES)
                return error_set(err, STATUS_BAD_CONFIG, "a fault plan holds at most %d rules",
                                 FAULT_MAX_RULES);
            struct fault_rule *rule = &out->rules[out->n_rules++];
            TRY(parse_rule(at, length, rule, err));
            out->needs_paths |= rule->path[0] != '\0';
        }
        at += length + (at[length] == ';');
    }
    return STATUS_OK;
}

const struct fault_rule *fault_plan_next(struct fault_plan *plan, enum fault_kind kind,
                                         const char *path)
{
    const struct fault_rule *due = NULL;
    for (size_t i = 0; i < plan->n_rules; i++) {
        struct fault_rule *rule = &plan->rules[i];
        if (!(rule->kinds >> kind & 1) || (rule->path[0] && !(path && strstr(path, rule->path))))
            continue;
        uint64_t call = atomic_fetch_add(&rule->calls, 1) + 1;
        bool acts = rule->onwards ? call >= rule->first : call == rule->first;
        if (acts && !due && rule->action != FAULT_DO_COUNT)
            due = rule;
    }
    return due;
}
