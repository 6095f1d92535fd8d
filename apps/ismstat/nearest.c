/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "forms.h"

#define WORD_MAX 32 /* longer words are near to nothing */

static unsigned int
min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * One row per letter of a; the swap looks two rows back, so three are kept. (Optimal string
 * alignment: no letter is touched twice, which is how people mistype.)
 */
unsigned int
nearest_distance(const char *a, const char *b, unsigned int max)
{
	unsigned int rows[3][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);
	unsigned int d;

	if (la > WORD_MAX || lb > WORD_MAX)
		return max + 1;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int *row = rows[i % 3], *above = rows[(i + 2) % 3];
		const unsigned int *above2 = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min3(row[j], above2[j - 2] + 1, row[j]);
		}
	}
	d = rows[la % 3][lb];
	return d <= max ? d : max + 1;
}

unsigned int
nearest_max(const char *word)
{
	size_t len = strlen(word);

	return len <= 2 ? 1 : len <= 6 ? 2 : 3;
}
