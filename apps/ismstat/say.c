/* SPDX-License-Identifier: BSD-3-Clause */
#include "app.h"

#include "run.h"

static struct {
	void (*hide)(void);
	void (*show)(void);
} editor;

void
say_editor(void (*hide)(void), void (*show)(void))
{
	editor.hide = hide;
	editor.show = show;
}

void
say_begin(void)
{
	if (editor.hide != NULL)
		editor.hide();
}

void
say_end(void)
{
	if (editor.show != NULL)
		editor.show();
}

void
app_complain(struct app *a, const char *from, const char *text)
{
	if (!a->prompting) {
		run_error("%s%s", from, text);
		a->status = RUN_EXIT_FAIL;
		return;
	}
	say_begin();
	printf("%s%s\n", from, text);
	say_end();
}

void
app_tell(struct app *a, const char *text)
{
	if (a->prompting)
		app_complain(a, "", text);
	else
		run_note("%s", text);
}
