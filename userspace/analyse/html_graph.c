/* SPDX-License-Identifier: BSD-2-Clause */
/* Files by class, processes, who handed what to whom, destinations: a drawing, and the same as a table. */
#include "html.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"

#define NODES_MAX 96
#define EDGES_MAX 120
#define LAYERS 6 /* files, up to four rows of processes, destinations */
#define WIDTH 1200
#define ROW 34
#define LABEL 26

enum node_kind { NODE_FILES, NODE_PROCESS, NODE_DESTINATION };

struct node {
	char *key; /* who it is */
	char *label;
	enum node_kind kind;
	int layer, row;
};

struct edge {
	size_t from, to;
	char *what; /* how */
	int64_t files, bytes;
	bool back; /* would close a circle: drawn against the others */
};

struct graph {
	struct node nodes[NODES_MAX];
	size_t node_count;
	struct edge edges[EDGES_MAX];
	size_t edge_count;
	int layers;
	bool cut;
	int passes[NODES_MAX]
		  [LAYERS]; /* where the lines to a node pass the columns before it: a row and 1; 0: none does */
	int rows[LAYERS];
	bool reaches[NODES_MAX][NODES_MAX];
};

/* What stands in a column: a node, or a gap for the lines to one. */
struct place {
	size_t node;
	bool gap;
	double weight; /* the mean row of where its lines come from */
};

/* A column each: kinds and keys of both ends, labels, how, files, bytes. */
static const char edges_sql[] =
	"WITH node AS MATERIALIZED (SELECT id, pid, comm, CASE WHEN count(*) OVER alike >= 5 THEN min(id) OVER alike ELSE id END AS node,"
	"  count(*) OVER alike AS members FROM process WINDOW alike AS (PARTITION BY executable, comm)),"
	" named AS MATERIALIZED (SELECT id, node, CASE WHEN members >= 5 THEN comm || ' (' || members || ' processes)' ELSE comm || '[' || pid || ']' END AS label FROM node)"
	" SELECT * FROM (SELECT 0, f.class, f.class, 1, n.node, min(n.label), 'read', count(*), capped_sum(t.read_bytes) FROM total AS t JOIN file AS f ON f.id = t.file"
	"  JOIN named AS n ON n.id = t.process WHERE t.reads > 0 AND f.class NOT IN ('own', 'libraries') AND (f.type IS NULL OR f.type IN ('file', 'device'))"
	"  GROUP BY f.class, n.node ORDER BY 9 DESC LIMIT 48)"
	" UNION ALL SELECT * FROM (SELECT iif(h.way = 'fanotify', 0, 1), iif(h.way = 'fanotify', 'fanotify', coalesce('' || g.node, 'pid ' || h.giver_pid)),"
	"  iif(h.way = 'fanotify', 'files that others touched', coalesce(g.label, 'not recorded[' || h.giver_pid || ']')), iif(h.receiver IS NULL, 2, 1),"
	"  coalesce('' || r.node, 'pid ' || h.receiver_pid || coalesce(h.object, '')), coalesce(r.label, 'not recorded[' || h.receiver_pid || ']'), h.way, sum(h.files),"
	"  capped_sum(max(coalesce(h.given_bytes, 0), coalesce(h.taken_bytes, 0))) FROM handover AS h LEFT JOIN named AS g ON g.id = h.giver LEFT JOIN named AS r ON r.id = h.receiver"
	"  WHERE h.way <> 'fork' AND (g.node IS NULL OR r.node IS NULL OR g.node <> r.node) GROUP BY 2, 5, h.way ORDER BY 9 DESC LIMIT 40)"
	" UNION ALL SELECT * FROM (SELECT 1, n.node, min(n.label), 2, 'to ' || iif(w.direction IS 'ingress', rtrim(rtrim(w.remote, '0123456789'), ':'), w.remote),"
	"  iif(w.direction IS 'ingress', rtrim(rtrim(w.remote, '0123456789'), ':'), w.remote), 'sent', NULL, capped_sum(w.sent_bytes) FROM flow AS w JOIN named AS n ON n.id = w.process"
	"  WHERE w.family IN ('inet', 'inet6', 'vsock') AND w.sent_bytes > 0 AND w.remote IS NOT NULL GROUP BY n.node, 5 ORDER BY 9 DESC LIMIT 32)";

static char *copy(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return strdup(text ? text : "?");
}

/* "updates.example.com (203.0.113.7:443)", if a name is known */
static char *name_place(const struct findings *findings, const char *remote)
{
	char *label;
	size_t i;

	for (i = 0; remote && i < findings->place_count; i++)
		if (findings->places[i].name && !strcmp(findings->places[i].remote, remote))
			return asprintf(&label, "%s (%s)", findings->places[i].name, remote) < 0 ? NULL : label;
	return strdup(remote ? remote : "?");
}

static size_t find_node(struct graph *graph, const struct findings *findings, sqlite3_stmt *row, int column)
{
	enum node_kind kind = sqlite3_column_int(row, column);
	char *key = copy(row, column + 1);
	const char *title;
	size_t i;

	for (i = 0; key && i < graph->node_count; i++)
		if (graph->nodes[i].kind == kind && !strcmp(graph->nodes[i].key, key))
			break;
	if (!key || i == NODES_MAX || i < graph->node_count) {
		free(key);
		return key ? i : NODES_MAX;
	}
	title = (const char *)sqlite3_column_text(row, column + 2);
	graph->nodes[i] = (struct node){.key = key, .kind = kind};
	graph->nodes[i].label = kind == NODE_DESTINATION ? name_place(findings, title)
							 : strdup(!title		? "?"
								   : kind == NODE_FILES ? class_title(title)
											: title);
	graph->node_count++;
	return i;
}

static int gather(struct html *html, struct graph *graph)
{
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(html->report->db, edges_sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	while (sqlite3_step(row) == SQLITE_ROW) {
		size_t from = find_node(graph, &html->findings, row, 0), to = find_node(graph, &html->findings, row, 3);

		if (from == NODES_MAX || to == NODES_MAX || graph->edge_count == EDGES_MAX) {
			graph->cut = true;
			continue;
		}
		graph->edges[graph->edge_count++] = (struct edge){
			.from = from, .to = to, .what = copy(row, 6), .files = sqlite3_column_int64(row, 7), .bytes = sqlite3_column_int64(row, 8)};
	}
	return sqlite3_finalize(row) == SQLITE_OK ? 0 : -EIO;
}

/* A line that would close a circle is drawn backwards; largest first, as they came. */
static void find_circles(struct graph *graph)
{
	size_t i, a, b;

	for (i = 0; i < graph->edge_count; i++) {
		size_t from = graph->edges[i].from, to = graph->edges[i].to;

		graph->edges[i].back = from == to || graph->reaches[to][from];
		for (a = 0; !graph->edges[i].back && a < graph->node_count; a++)
			for (b = 0; b < graph->node_count; b++)
				if ((a == from || graph->reaches[a][from]) && (b == to || graph->reaches[to][b]))
					graph->reaches[a][b] = true;
	}
}

/* Who was given something stands to the right of who gave it, as far as there is room. */
static void find_layers(struct graph *graph)
{
	int round, deepest = 1;
	bool sent = false;
	size_t i;

	for (i = 0; i < graph->node_count; i++)
		graph->nodes[i].layer = graph->nodes[i].kind == NODE_FILES ? 0 : 1;
	for (round = 0; round < LAYERS - 3; round++)
		for (i = 0; i < graph->edge_count; i++) {
			struct node *from = &graph->nodes[graph->edges[i].from], *to = &graph->nodes[graph->edges[i].to];

			if (!graph->edges[i].back && from->kind == NODE_PROCESS && to->kind == NODE_PROCESS &&
				to->layer <= from->layer && from->layer < LAYERS - 2)
				to->layer = from->layer + 1;
		}
	for (i = 0; i < graph->node_count; i++) {
		if (graph->nodes[i].kind == NODE_PROCESS && graph->nodes[i].layer > deepest)
			deepest = graph->nodes[i].layer;
		sent |= graph->nodes[i].kind == NODE_DESTINATION;
	}
	graph->layers = deepest + 1 + sent;
	for (i = 0; i < graph->node_count; i++)
		if (graph->nodes[i].kind == NODE_DESTINATION)
			graph->nodes[i].layer = deepest + 1;
}

/* Does the line come from this column, or from one before it? */
static bool comes_to(const struct graph *graph, const struct edge *edge, size_t node, int layer)
{
	return edge->to == node && !edge->back && graph->nodes[edge->from].layer < layer &&
	       layer <= graph->nodes[node].layer;
}

static double weigh(const struct graph *graph, size_t node, int layer)
{
	double sum = 0;
	size_t i, count = 0;

	for (i = 0; i < graph->edge_count; i++) {
		const struct node *from = &graph->nodes[graph->edges[i].from];

		if (!comes_to(graph, &graph->edges[i], node, layer))
			continue;
		sum += from->layer == layer - 1 ? from->row : graph->passes[node][layer - 1] - 1;
		count++;
	}
	return count ? sum / count : NODES_MAX;
}

static int by_weight(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	if (left->weight != right->weight)
		return left->weight < right->weight ? -1 : 1;
	return left->node < right->node ? -1 : left->node > right->node;
}

/* Nodes and gaps of a column, each as near as can be to where its lines come from, so that few of them cross. */
static void fill_layer(struct graph *graph, int layer)
{
	struct place places[NODES_MAX];
	size_t count = 0, i, k;

	for (i = 0; i < graph->node_count; i++) {
		bool gap = graph->nodes[i].layer > layer;

		for (k = 0; gap && k < graph->edge_count && !comes_to(graph, &graph->edges[k], i, layer); k++)
			;
		if (gap ? k < graph->edge_count : graph->nodes[i].layer == layer)
			places[count++] = (struct place){i, gap, layer ? weigh(graph, i, layer) : i};
	}
	qsort(places, count, sizeof(places[0]), by_weight);
	for (i = 0; i < count; i++) {
		if (places[i].gap)
			graph->passes[places[i].node][layer] = i + 1;
		else
			graph->nodes[places[i].node].row = i;
	}
	graph->rows[layer] = count;
}

static void arrange(struct graph *graph)
{
	int layer;

	find_circles(graph);
	find_layers(graph);
	for (layer = 0; layer < graph->layers; layer++)
		fill_layer(graph, layer);
}

static int highest(const struct graph *graph)
{
	int most = 1, layer;

	for (layer = 0; layer < graph->layers; layer++)
		if (graph->rows[layer] > most)
			most = graph->rows[layer];
	return most;
}

static double wide(const struct graph *graph)
{
	return (double)WIDTH / graph->layers * .7;
}

static double left(const struct graph *graph, int layer)
{
	return 2 + layer * (WIDTH - wide(graph) - 4) / (graph->layers - 1);
}

static double middle(int row)
{
	return (row + .5) * ROW;
}

static void put_curve(FILE *out, double x1, double y1, double x2, double y2)
{
	double bend = (x2 - x1) / 2;

	fprintf(out, "C%.1f %.1f %.1f %.1f %.1f %.1f", x1 + bend, y1, x2 - bend, y2, x2, y2);
}

/* From the right of one to the left of the other, past the columns between where there is a gap. */
static void put_forward(FILE *out, const struct graph *graph, const struct edge *edge)
{
	const struct node *from = &graph->nodes[edge->from], *to = &graph->nodes[edge->to];
	double x = left(graph, from->layer) + wide(graph), y = middle(from->row);
	int layer;

	fprintf(out, "M%.1f %.1f", x, y);
	for (layer = from->layer + 1; layer < to->layer; layer++) {
		double next = middle(graph->passes[edge->to][layer] - 1);

		put_curve(out, x, y, left(graph, layer), next);
		x = left(graph, layer) + wide(graph);
		y = next;
		fprintf(out, "H%.1f", x);
	}
	put_curve(out, x, y, left(graph, to->layer), middle(to->row));
}

/* A little below the way there; within one column a bow to the right of it. */
static void put_back(FILE *out, const struct graph *graph, const struct edge *edge)
{
	const struct node *from = &graph->nodes[edge->from], *to = &graph->nodes[edge->to];
	double x1 = left(graph, from->layer), y1 = middle(from->row) + 8, x2 = left(graph, to->layer) + wide(graph),
	       y2 = middle(to->row) + 8;

	if (from->layer == to->layer)
		fprintf(out, "M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x2, y1, x2 + ROW, y1, x2 + ROW, y2 - 12, x2,
			y2 - 12);
	else {
		fprintf(out, "M%.1f %.1f", x1, y1);
		put_curve(out, x1, y1, x2, y2);
	}
}

static void put_edge(FILE *out, const struct graph *graph, const struct edge *edge)
{
	const struct node *from = &graph->nodes[edge->from], *to = &graph->nodes[edge->to];
	bool back = to->layer <= from->layer;

	fprintf(out, "<path class=\"edge %s%s\" stroke-width=\"%.1f\" d=\"",
		from->kind == NODE_FILES       ? "e-read"
		: to->kind == NODE_DESTINATION ? "e-sent"
					       : "e-handed",
		back ? " e-back" : "", 1.5 + log10(1.0 + (edge->bytes > 0 ? edge->bytes : 0)));
	(back ? put_back : put_forward)(out, graph, edge);
	fputs("\"><title>", out);
	html_string(out, from->label);
	fputs(", ", out);
	html_string(out, edge->what);
	fputs(", ", out);
	html_string(out, to->label);
	fputs(": ", out);
	html_size(out, edge->bytes);
	fputs("</title></path>\n", out);
}

/* As much of it as there is room for, cut between characters. */
static void put_label(FILE *out, const char *label, size_t room)
{
	size_t len = strlen(label), at = 0, count = 0;

	while (at < len && count < room) {
		at++;
		while (at < len && (label[at] & 0xc0) == 0x80)
			at++;
		count++;
	}
	html_text(out, (struct text){label, at}, "");
	fputs(at < len ? "..." : "", out);
}

static void put_node(FILE *out, const struct graph *graph, const struct node *node)
{
	static const char *const kinds[] = {"n-files", "n-process", "n-destination"};
	double x = left(graph, node->layer), y = middle(node->row) - ROW / 2.0 + 4;

	fprintf(out, "<g><title>");
	html_string(out, node->label);
	fprintf(out, "</title><rect class=\"node %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"4\"/><text x=\"%.1f\" y=\"%.1f\">", kinds[node->kind], x, y,
		wide(graph), ROW - 8, x + 6, y + 17);
	put_label(out, node->label, wide(graph) / 7.4);
	fputs("</text></g>\n", out);
}

static void put_svg(FILE *out, const struct graph *graph)
{
	size_t i;

	fprintf(out,
		"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Picture of the flows\"><svg "
		"class=\"graph\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"graph-what\">\n"
		"<title id=\"graph-what\">Files by class on the left, then the processes that read them and those that "
		"were handed something, destinations on the right; the same "
		"is in the table below</title>\n",
		WIDTH, highest(graph) * ROW);
	for (i = 0; i < graph->edge_count; i++)
		put_edge(out, graph, &graph->edges[i]);
	for (i = 0; i < graph->node_count; i++)
		put_node(out, graph, &graph->nodes[i]);
	fputs("</svg></div>\n", out);
}

static void put_table(FILE *out, const struct graph *graph)
{
	size_t i;

	fputs("<details><summary>The picture as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"The picture as a table\"><table>\n<thead><tr>"
	      "<th scope=\"col\">From</th><th scope=\"col\">How</th><th scope=\"col\">To</th><th scope=\"col\" class=\"n\">Files</th><th scope=\"col\" class=\"n\">Bytes</th></tr></thead>\n<tbody>\n",
		out);
	for (i = 0; i < graph->edge_count; i++) {
		const struct edge *edge = &graph->edges[i];

		fputs("<tr><td class=\"path\">", out);
		html_string(out, graph->nodes[edge->from].label);
		fputs("</td><td>", out);
		html_string(out, edge->what);
		fputs("</td><td class=\"path\">", out);
		html_string(out, graph->nodes[edge->to].label);
		fputs("</td><td class=\"n\">", out);
		if (edge->files > 0)
			fprintf(out, "%" PRId64, edge->files);
		fputs("</td><td class=\"n\">", out);
		html_size(out, edge->bytes);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table></div></details>\n", out);
}

int html_graph(struct html *html)
{
	struct graph *graph = calloc(1, sizeof(*graph));
	int err = graph ? gather(html, graph) : -ENOMEM;
	size_t i;

	if (!err && graph->edge_count) {
		arrange(graph);
		fputs("<h3>From where to where</h3>\n<p class=\"faint graph-words\">Over the whole recording, whatever "
		      "the order. Lines go from left to right, dashed ones back; blue: read, brown: handed over, red: "
		      "sent. A line is the wider, the more bytes, by their order of magnitude.",
			html->out);
		fputs(graph->cut ? " Only the largest flows are drawn.</p>\n" : "</p>\n", html->out);
		put_svg(html->out, graph);
		put_table(html->out, graph);
	}
	for (i = 0; graph && i < graph->node_count; i++) {
		free(graph->nodes[i].key);
		free(graph->nodes[i].label);
	}
	for (i = 0; graph && i < graph->edge_count; i++)
		free(graph->edges[i].what);
	free(graph);
	return err;
}
