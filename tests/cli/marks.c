/*
 * marks PID: the processes that the quis-record with that pid follows and that are not there any more, or have ended and wait for their
 * parent: a number each. The next process with such a number would be followed as if it were flagged. For tests/cli/targets.t.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

static int marks_of(const char *recorder, struct bpf_map_info *info)
{
	char path[300], line[256];
	uint32_t size, id;
	struct dirent *entry;
	DIR *list;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", recorder);
	list = opendir(path);
	while (list && (entry = readdir(list))) {
		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", recorder, entry->d_name);
		file = fopen(path, "r");
		id = 0;
		while (file && !id && fgets(line, sizeof(line), file))
			sscanf(line, "map_id: %u", &id);
		if (file)
			fclose(file);
		fd = id ? bpf_map_get_fd_by_id(id) : -1;
		memset(info, 0, sizeof(*info));
		size = sizeof(*info);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, info, &size) && strstr(info->name, "marks"))
			return fd;
	}
	fprintf(stderr, "marks: %s has no such map\n", recorder);
	exit(1);
}

static int is_there(unsigned pid)
{
	char path[64], line[512] = "", *after;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	stat = fopen(path, "r");
	after = stat && fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	if (stat)
		fclose(stat);
	return after && after[2] != 'Z' && after[2] != 'X';
}

int main(int argc, char **argv)
{
	struct bpf_map_info info;
	uint32_t zero = 0, pid;
	char *marks;
	int map = argc == 2 ? marks_of(argv[1], &info) : -1;

	marks = map < 0 ? NULL : malloc(info.value_size);
	if (!marks || bpf_map_lookup_elem(map, &zero, marks))
		return 2;
	for (pid = 1; pid < info.value_size; pid++)
		if (marks[pid] && !is_there(pid))
			printf("%u\n", pid);
	return 0;
}
