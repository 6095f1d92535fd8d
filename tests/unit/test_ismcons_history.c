/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter for history: nothing of it makes a terminal answer, and what is shown stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "cons_history.h"

/* What comes of `in`, cut into pieces, of which the first `history` bytes are history. */
static size_t
filter(const char *in, size_t len, size_t history, size_t piece, bool utf8, char *result)
{
	struct cons_history h = { 0 };
	size_t n = 0;

	cons_history_start(&h, utf8);
	if (history == 0)
		n += cons_history_end(&h, (uint8_t *)result);
	for (size_t at = 0; at < len;) {
		size_t border = at < history ? history : len;
		size_t part = RTE_MIN(piece, border - at);

		n += cons_history_feed(&h, (const uint8_t *)in + at, part, (uint8_t *)result + n);
		at += part;
		if (at == history)
			n += cons_history_end(&h, (uint8_t *)result + n);
	}
	return n;
}

static void
check(const char *in, size_t history, bool utf8, const char *want)
{
	size_t len = strlen(in);
	char result[8192];

	for (size_t piece = 1; piece <= len; piece++) {
		size_t n = filter(in, len, history, piece, utf8, result);

		if (n != strlen(want) || memcmp(result, want, n) != 0)
			fail_msg("'%s', %zu of it history, pieces of %zu: '%.*s', not '%s'", in,
				 history, piece, (int)n, result, want);
	}
}

/* Each of these is left out of "<...>", all else stays. */
static const char *const asks[] = {
	"\005",
	"\a",
	"\033Z",
	/* Reports. */
	"\033[c",
	"\033[0c",
	"\033[>c",
	"\033[>0c",
	"\033[=c",
	"\033[?1;0c",
	"\033[5n",
	"\033[6n",
	"\033[?6n",
	"\033[?15n",
	"\033[?996n",
	"\033[0;6n",
	"\033[?2004$p",
	"\033[4$p",
	"\033[1$w",
	"\033[2$u",
	"\033[&u",
	"\033[\"v",
	"\033[,w",
	"\033[>q",
	"\033[>0q",
	"\033[> q",
	"\033[?u",
	"\033[?4m",
	"\033[?4g",
	"\033[?1;1;0S",
	"\033[11t",
	"\033[13t",
	"\033[14t",
	"\033[14;2t",
	"\033[15t",
	"\033[16t",
	"\033[18t",
	"\033[19t",
	"\033[20t",
	"\033[21t",
	"\033[x",
	"\033[1x",
	"\033[1;1;1;1;2;2*y",
	"\033[1+p",
	"\033[#|",
	"\033[#R",
	"\033[#S",
	"\033['|",
	"\033[1'|",
	"\033[+x",
	/* What a terminal does besides drawing. */
	"\033[8;50;100t",
	"\033[2t",
	"\033[36t",
	"\033[220t",
	"\033[4;1y",
	"\033[5i",
	"\033[?5i",
	"\033[12;3]",
	"\033[50*|",
	"\033[132$|",
	/* Strings. */
	"\033]10;?\a",
	"\033]11;?\033\\",
	"\033]12;?\033\\",
	"\033]4;1;?\a",
	"\033]4;1;red;2;?\a",
	"\033]5;0;?\033\\",
	"\033]19;?\a",
	"\033]21;foreground=?\033\\",
	"\033]22;?__current__\a",
	"\033]52;c;?\a",
	"\033]52;c;Zm9v\033\\",
	"\033]50;?\a",
	"\033]3;?WM_NAME\a",
	"\033]60\a",
	"\033]99;i=1:p=?;\033\\",
	"\033]9;a word\a",
	"\033]1337;ReportCellSize\a",
	"\033]5522;type=read;\033\\",
	"\033]l\033\\",
	"\033]777;notify;a;b\a",
	"\033];?\a",
	"\033P$qm\033\\",
	"\033P$q q\033\\",
	"\033P+q544e\033\\",
	"\033P+Q\033\\",
	"\033P0;1|17/17\033\\",
	"\033P@kitty-cmd{}\033\\",
	"\033P1000p\033\\",
	"\033_Gi=1,a=q;AAAA\033\\",
	"\033_\033\\",
	"\033^x\033\\",
	"\033Xx\033\\",
	/* Broken off, begun anew, with controls in the midst, with odd numbers. */
	"\033[6\033[6n",
	"\033\033[c",
	"\033\033\033Z",
	"\033]0\033[c",
	"\033[6\030",
	"\033[6\032",
	"\033]52;c;\030",
	"\033[6\033]52;c;?\a",
	"\033P\033[5n",
	"\033_x\033[5n",
	"\033 \033Z",
	"\033[6\005n",
	"\033[\1776n",
	"\033[;;6n",
	"\033[06n",
	"\033[6:1n",
	"\033[?;u",
	"\033[5?n",
	"\033[0?c",
	"\033[1 $p",
	/* As controls of eight bits that UTF-8 encodes. */
	"\302\232",
	"\302\2336n",
	"\302\233>c",
	"\302\23552;c;?\302\234",
	"\302\220$qm\302\234",
	"\302\237Gx\302\234",
	"\033]52;c;?\302\234",
	"\302\2336\302\2336n",
};

static void
questions(void **state)
{
	char text[256];

	for (size_t i = 0; i < RTE_DIM(asks); i++) {
		snprintf(text, sizeof(text), "<%s>", asks[i]);
		check(text, strlen(text), true, "<>");
		if (strchr(text, '\302') == NULL)
			check(text, strlen(text), false, "<>");
		snprintf(text, sizeof(text), "<%s%s\033[1m>", asks[i], asks[i]);
		check(text, strlen(text), true, "<\033[1m>");
	}
	snprintf(text, sizeof(text),
		 "<\233"
		 "6n\235"
		 "11;?\234\220+qab\234\232\233"
		 "5\233"
		 "5n>");
	check(text, strlen(text), false, "<>");
	check(text, strlen(text), true, "<>");
}

/* What draws, colours, and sets modes stays as it is, byte for byte. */
static const char *const shown[] = {
	"text\r\n\ttext\b\v\f\016\017",
	"\033[1;31mred\033[m\033[38:2::1:2:3m\033[4:3m",
	"\033[2J\033[H\033[5;5H\033[K\033[3S\033[2T\033[10L\033[u\033[s\0337\0338\033D\033M\033E",
	"\033[?1049h\033[?25l\033[?1000;1006h\033[?2004h\033[4h\033[20h\033[?2026$x\033[2;20r",
	"\033[>1u\033[=5;1u\033[<u\033[>4;2m\033[>4n\033[>4;1f\033[22;0t\033[23;0t\033[22t",
	"\033(0\033)B\033%G\033#8\033=\033>\033c\033 F\033$(C\033n\033~",
	"\033[5 q\033[1\"q\033[!p\033[62;1\"p\033[2q\033[#{\033[#}\033[1;1;2;2$x\033[1;1;2;2$z",
	"\033]0;a title\a\033]2;another?\033\\\033]8;id=1;http://x/?y=1\033\\link\033]8;;\033\\",
	"\033]4;1;rgb:11/22/33\a\033]11;#123456\033\\\033]104\a\033]104;5\033\\\033]110\033\\",
	"\033]133;A\a\033]7;file://h/\033\\\033]66;s=2;Big\a\033kname\033\\",
	"\033]P1aabbcc\033]Rx",
	"\033P0;1;0q\"1;1;2;2#0;2;0;0;0~~-~~\033\\",
	/* UTF-8: the bytes of C1 within characters, cut anywhere. */
	"\303\233\342\226\233c\360\237\232\2335n\342\234\234\302\251\302\240",
	"\033]0;\342\234\234\302\251 title\a",
	"\302\23331m\302\205",
};

static void
drawings(void **state)
{
	char text[512];

	for (size_t i = 0; i < RTE_DIM(shown); i++) {
		snprintf(text, sizeof(text), "%s", shown[i]);
		check(text, strlen(text), true, text);
	}
	check("\233"
	      "1m\235"
	      "0;t\a\205x",
	      9, false,
	      "\233"
	      "1m\235"
	      "0;t\a\205x");
	/* A question in a string for another terminal breaks the string off, to this one. */
	check("<\033Ptmux;\033\033[c\033\\>", 15, true, "<\033\\>");
}

/* Modes that a terminal answers at once are set at the end, if they are still set there. */
static void
late(void **state)
{
	check("a\033[?1004hb\033[?1004lc", 17, true, "ab\033[?1004lc");
	check("a\033[?1004hb", 10, true, "ab\033[?1004h");
	check("a\033[?1004hb\033[6n", 10, true, "ab\033[?1004h\033[6n");
	check("\033[?1049;1004;2004h", 18, true, "\033[?1049;2004h\033[?1004h");
	check("\033[?1004;1049h\033[?;1004l", 22, true, "\033[?1049h\033[?;1004l");
	check("\033[?2048h\033[?2031h", 16, true, "\033[?2031h\033[?2048h");
	check("\033[?38h\033[?38;25h", 15, true, "\033[?25h");
	check("\033[?1004h\033cx", 11, true, "\033cx");
	/* Not while a title is being let out. */
	check("\033[?1004h\033]0;tit\033[6nle\a\033[6n", 15, true,
	      "\033]0;tit\033\\\033[?1004hle\a\033[6n");
}

/*
 * What is begun in history and ends live is history. Then all passes, whatever it is. The bar
 * stands for the border.
 */
static void
borders(void **state)
{
	static const struct {
		const char *in, *want;
	} table[] = {
		{ "a|\033[6n\005\a", "a\033[6n\005\a" },
		{ "\033|[6n\033[6n", "\033[6n" },
		{ "\033[|6n\033[c", "\033[c" },
		{ "\033[6|n\033]11;?\a", "\033]11;?\a" },
		{ "\033]11;|?\a\033]11;?\a", "\033]11;?\a" },
		{ "\033]52;c;?\033|\\\033Z", "\033Z" },
		{ "\033]52;c;Zm9|v\a\033[c", "\033[c" },
		{ "\033P+q|544e\033\\\033[c", "\033[c" },
		{ "\033[3|1m\033[c", "\033[31m\033[c" },
		{ "\033|7\033Z", "\0337\033Z" },
		{ "\033]0;ti|tle\a\033[c", "\033]0;title\a\033[c" },
		{ "\033]0;ti\033|[c\033[c", "\033]0;ti\033\\\033[c" },
		{ "\302|\2336n\033[c", "\033[c" },
		{ "\342\226|\233c\033[c", "\342\226\233c\033[c" },
		/* One that has no end holds nothing up beyond a line. */
		{ "\033_|$ echo\r\n$ \005", "\n$ \005" },
		{ "\033[|x\033[x", "\033[x" },
	};

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		char text[256];
		size_t history = strcspn(table[i].in, "|");

		snprintf(text, sizeof(text), "%.*s%s", (int)history, table[i].in,
			 table[i].in + history + 1);
		check(text, history, true, table[i].want);
	}
	/* The history may be cut in a character; without any, nothing is looked at. */
	check("\226\233c\033[c", 6, true, "\226\233c");
	check("\033[6n", 0, true, "\033[6n");
}

/* Longer than can be held: left out, and nothing of it is taken for something else. */
static void
long_ones(void **state)
{
	char text[4096], want[1024];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), "<\033[%01000d;6n>", 0);
	check(text, len, true, "<>");
	len = (size_t)snprintf(text, sizeof(text), "<\033]4;1;%01000d\a>", 0);
	check(text, len, true, "<>");
	len = (size_t)snprintf(text, sizeof(text), "<\033]52;c;%02000d\a>", 0);
	check(text, len, true, "<>");
	len = (size_t)snprintf(text, sizeof(text), "<\033]0;%01000d\a>", 0);
	check(text, len, true, text);
	/* Numbers that are not there stay so: the result is no longer than what was held. */
	memset(text, ';', 500);
	text[0] = '\033', text[1] = '[', text[2] = '?';
	memcpy(text + 495, "1004h", sizeof("1004h"));
	memset(want, ';', 494);
	want[0] = '\033', want[1] = '[', want[2] = '?';
	memcpy(want + 494, "h\033[?1004h", sizeof("h\033[?1004h"));
	check(text, 500, true, want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions), cmocka_unit_test(drawings),  cmocka_unit_test(late),
		cmocka_unit_test(borders),   cmocka_unit_test(long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
