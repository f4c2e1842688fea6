#include <string.h>

#include "base/text.h"
#include "cli/command.h"

enum { NAME_WIDTH = 10, FLAG_WIDTH = 26, LINE_WIDTH = 80 };

void usage_overview(FILE *out)
{
    fputs("leat moves massive batch loads from databases and files into lake tables.\n\n"
          "Usage: leat COMMAND ...\n\n",
          out);
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            fprintf(out, "  %-*s %s\n", NAME_WIDTH, commands[i]->name, commands[i]->summary);
    fputs("\nleat COMMAND --help shows what it takes, with an example.\n"
          "Begin with: leat init ./shop.db\n",
          out);
}

/* TEXT in lines of at most LINE_WIDTH, from COLUMN on; every line but the first begins with INDENT spaces. */
static void print_wrapped(const char *text, size_t indent, size_t column, FILE *out)
{
    bool first = true; /* on its line */
    while (*text) {
        size_t word = strcspn(text, " ");
        if (!first && column + 1 + word > LINE_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)word, text);
        column += word + !first;
        first = false;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static const char *value_word(const struct option_spec *spec)
{
    switch (spec->kind) {
    case OPTION_BOOL:
        return "";
    case OPTION_INT:
        return " N";
    case OPTION_SIZE:
        return " SIZE";
    case OPTION_DURATION:
        return " TIME";
    case OPTION_LIST:
        return " VALUE";
    case OPTION_CHOICE:
        return " WORD";
    default:
        return " TEXT";
    }
}

static void print_flags(const struct option_spec *flags, FILE *out)
{
    for (const struct option_spec *flag = flags; flag && flag->name; flag++) {
        char name[64], help[512];
        int n = snprintf(name, sizeof(name), "--%s%s", flag->name, value_word(flag));
        size_t used = (size_t)snprintf(help, sizeof(help), "%s", flag->help);
        for (size_t i = 0; flag->choices && flag->choices[i] && used < sizeof(help); i++)
            used += (size_t)snprintf(help + used, sizeof(help) - used, "%s%s",
                                     i == 0                 ? " One of: "
                                     : flag->choices[i + 1] ? ", "
                                                            : " or ",
                                     flag->choices[i]);
        if (flag->choices && used < sizeof(help))
            used += (size_t)snprintf(help + used, sizeof(help) - used, ".");
        if (flag->kind == OPTION_LIST && flag->example && used < sizeof(help))
            used +=
                (size_t)snprintf(help + used, sizeof(help) - used, " Example: %s", flag->example);
        if (flag->default_text && used < sizeof(help))
            snprintf(help + used, sizeof(help) - used, " Default: %s.", flag->default_text);
        fprintf(out, "  %-*s ", FLAG_WIDTH, name);
        size_t column = 3 + (n > FLAG_WIDTH ? (size_t)n : FLAG_WIDTH);
        print_wrapped(help, FLAG_WIDTH + 3, column, out);
    }
}

void usage_command(const struct command *command, FILE *out)
{
    fprintf(out, "Usage: leat %s%s%s\n\n", command->name, command->synopsis[0] ? " " : "",
            command->synopsis);
    print_wrapped(command->help ? command->help : command->summary, 0, 0, out);
    fputs("\nFlags:\n", out);
    print_flags(command->flags, out);
    print_flags(global_flags, out);
    if (command->example)
        fprintf(out, "\nExample:\n  %s\n", command->example);
}
