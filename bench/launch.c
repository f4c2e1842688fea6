/* Starts a program, waits, and tells what it took, a line of JSON to a descriptor:
 *
 *   launch FD PROGRAM [WORD...]
 *
 * The kernel counts the memory of the process that forks as the peak of the one that it starts;
 * this one has next to none. Exits as the program does. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct rusage used;
    int code;
    if (argc < 3)
        return 2;
    double started = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &code, 0, &used) != child) {
        perror("launch");
        return 1;
    }
    dprintf(atoi(argv[1]), "{\"wall\": %.3f, \"cpu\": %.3f, \"peak\": %.3f}\n", now() - started,
            seconds(used.ru_utime) + seconds(used.ru_stime), (double)used.ru_maxrss * 1024 / 1e6);
    return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
}
