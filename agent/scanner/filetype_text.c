/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scripts have no magic number but #!. The rest is recognised by what its author cannot avoid writing: tokens
 * of each language with a weight, counted once each; a text whose tokens of one language weigh SCORE_SCRIPT
 * or more is a script. Tokens are anchored (first meaningful line, start of a line) wherever the language
 * allows, so that prose, tables and records do not add up. tests/data/scan/types holds what must and what
 * must not match.
 *
 * Only the first TEXT_LOOK_MAX bytes are looked at. Letter case does not count. UTF-16 with a mark is read as
 * well.
 */
#include "agent/scanner/filetype.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

#define TEXT_LOOK_MAX 65536u
#define SCORE_SCRIPT 4u

typedef enum Language {
	BATCH,
	POWERSHELL,
	VISUAL_BASIC,
	JAVASCRIPT,
	MARKUP, /* counts only in a text that begins with `<` */
	ENTRY,	/* one first line is enough */
	OFFICE, /* not a script: a document in text form that carries macros */
	N_LANGUAGES,
} Language;

typedef enum Place {
	FIRST, /* start of the first line that is neither empty nor a comment */
	START, /* start of any line, after blanks */
	ANY,
} Place;

typedef struct Token {
	const char *text; /* lower case */
	uint8_t language, place, weight;
} Token;

static const Token tokens[] = {
	{"@echo o", BATCH, FIRST, 4}, {"@setlocal", BATCH, FIRST, 4}, {"@rem ", BATCH, FIRST, 4},
	{"@chcp ", BATCH, FIRST, 4}, {"@cd ", BATCH, FIRST, 4}, {"@if ", BATCH, FIRST, 3},
	{"@for ", BATCH, FIRST, 3}, {"@set ", BATCH, FIRST, 4}, {"@start ", BATCH, FIRST, 4},
	{"@call ", BATCH, FIRST, 4}, {"@title ", BATCH, FIRST, 4}, {"@powershell", BATCH, FIRST, 4},
	{"@cmd", BATCH, FIRST, 4}, {"echo off", BATCH, FIRST, 4}, {"powershell -", BATCH, FIRST, 4},
	{"powershell.exe", BATCH, FIRST, 4}, {"cmd /c ", BATCH, FIRST, 4}, {"cmd.exe /c ", BATCH, FIRST, 4},
	{"mshta ", BATCH, FIRST, 4}, {"start \"\" ", BATCH, FIRST, 4}, {"@echo off", BATCH, START, 3},
	{"setlocal", BATCH, START, 2}, {"endlocal", BATCH, START, 2}, {"goto ", BATCH, START, 2},
	{"if exist ", BATCH, START, 2}, {"if not exist ", BATCH, START, 2},
	{"if errorlevel ", BATCH, START, 3}, {"if %", BATCH, START, 3}, {"if \"%", BATCH, START, 3},
	{"for %%", BATCH, START, 4}, {"for /f ", BATCH, START, 4}, {"call :", BATCH, START, 4},
	{"exit /b", BATCH, START, 4}, {"echo.", BATCH, START, 2}, {"pause", BATCH, START, 1},
	{"rem ", BATCH, START, 1}, {"set /p ", BATCH, START, 4}, {"set /a ", BATCH, START, 4},
	{"cmd /c ", BATCH, START, 2}, {"cmd.exe /c ", BATCH, START, 2}, {"reg add ", BATCH, START, 2},
	{"reg delete ", BATCH, START, 2}, {"taskkill /", BATCH, START, 2}, {"schtasks /", BATCH, START, 2},
	{"del /", BATCH, START, 2}, {"rd /s", BATCH, START, 2}, {"rmdir /s", BATCH, START, 2},
	{"xcopy ", BATCH, START, 2}, {"robocopy ", BATCH, START, 2}, {"powershell -", BATCH, START, 2},
	{"powershell.exe ", BATCH, START, 2}, {"net use ", BATCH, START, 2}, {"net user ", BATCH, START, 2},
	{"net stop ", BATCH, START, 2}, {"certutil -", BATCH, START, 2}, {"bitsadmin /", BATCH, START, 2},
	{"regsvr32 ", BATCH, START, 2}, {"rundll32 ", BATCH, START, 2}, {"cscript ", BATCH, START, 2},
	{"wscript ", BATCH, START, 2}, {"attrib +", BATCH, START, 2}, {"%~dp0", BATCH, ANY, 4},
	{"%errorlevel%", BATCH, ANY, 3}, {">nul", BATCH, ANY, 2}, {"> nul", BATCH, ANY, 2},

	{"param(", POWERSHELL, FIRST, 4}, {"param (", POWERSHELL, FIRST, 4}, {"param(", POWERSHELL, START, 3},
	{"param (", POWERSHELL, START, 3}, {"[cmdletbinding(", POWERSHELL, START, 4},
	{"[parameter(", POWERSHELL, START, 4}, {"#requires -", POWERSHELL, START, 4},
	{"set-strictmode", POWERSHELL, START, 4}, {"set-executionpolicy ", POWERSHELL, START, 4},
	{"$erroractionpreference", POWERSHELL, START, 4}, {"import-module ", POWERSHELL, START, 3},
	{"add-type ", POWERSHELL, START, 3}, {"start-process ", POWERSHELL, START, 3},
	{"invoke-expression ", POWERSHELL, START, 4}, {"invoke-webrequest ", POWERSHELL, START, 4},
	{"iex ", POWERSHELL, START, 3}, {"iex(", POWERSHELL, START, 4}, {"foreach ($", POWERSHELL, START, 3},
	{"write-host ", POWERSHELL, START, 3}, {"write-output ", POWERSHELL, START, 3},
	{"get-childitem ", POWERSHELL, START, 2}, {"copy-item ", POWERSHELL, START, 2},
	{"remove-item ", POWERSHELL, START, 2}, {"<#", POWERSHELL, START, 1},
	{"$psscriptroot", POWERSHELL, ANY, 4}, {"-erroraction ", POWERSHELL, ANY, 2},
	{"| foreach-object", POWERSHELL, ANY, 3}, {"| where-object", POWERSHELL, ANY, 3},
	{"= new-object ", POWERSHELL, ANY, 4}, {"(new-object ", POWERSHELL, ANY, 4},
	{".downloadstring(", POWERSHELL, ANY, 3}, {"::frombase64string(", POWERSHELL, ANY, 4},
	{"= get-", POWERSHELL, ANY, 3},

	{"#@~^", VISUAL_BASIC, FIRST, 4}, {"attribute vb_name", VISUAL_BASIC, FIRST, 4},
	{"option explicit", VISUAL_BASIC, START, 3}, {"on error resume next", VISUAL_BASIC, START, 4},
	{"on error goto ", VISUAL_BASIC, START, 3}, {"dim ", VISUAL_BASIC, START, 1},
	{"end sub", VISUAL_BASIC, START, 2}, {"end function", VISUAL_BASIC, START, 2},
	{"msgbox ", VISUAL_BASIC, START, 2}, {"msgbox(", VISUAL_BASIC, START, 2},
	{"createobject(", VISUAL_BASIC, ANY, 4}, {"wscript.", VISUAL_BASIC, ANY, 3},
	{"wscript.shell", VISUAL_BASIC, ANY, 4}, {"scripting.filesystemobject", VISUAL_BASIC, ANY, 4},

	{"\"use strict\"", JAVASCRIPT, START, 4}, {"'use strict'", JAVASCRIPT, START, 4},
	{"(function", JAVASCRIPT, START, 4}, {"!function", JAVASCRIPT, START, 4},
	{"async function ", JAVASCRIPT, START, 4}, {"export default ", JAVASCRIPT, START, 3},
	{"var ", JAVASCRIPT, START, 1}, {"let ", JAVASCRIPT, START, 1}, {"const ", JAVASCRIPT, START, 1},
	{"function ", JAVASCRIPT, START, 1}, {"new activexobject(", JAVASCRIPT, ANY, 4},
	{"= require(", JAVASCRIPT, ANY, 3}, {"module.exports", JAVASCRIPT, ANY, 3},
	{"document.write(", JAVASCRIPT, ANY, 2}, {"document.getelementbyid(", JAVASCRIPT, ANY, 2},
	{".addeventlistener(", JAVASCRIPT, ANY, 2}, {"string.fromcharcode(", JAVASCRIPT, ANY, 3},
	{"console.log(", JAVASCRIPT, ANY, 3}, {"settimeout(", JAVASCRIPT, ANY, 2},
	{"= function", JAVASCRIPT, ANY, 2}, {"=> {", JAVASCRIPT, ANY, 2}, {"eval(", JAVASCRIPT, ANY, 2},
	{"unescape(", JAVASCRIPT, ANY, 2},

	{"<?php", MARKUP, FIRST, 4}, {"<%@", MARKUP, FIRST, 4}, {"<scriptlet", MARKUP, START, 4},
	{"<job", MARKUP, START, 2}, {"<script language=", MARKUP, ANY, 2},
	{"<hta:application", MARKUP, ANY, 4}, {"vbscript\"", MARKUP, ANY, 4},
	{"new activexobject(", MARKUP, ANY, 4}, {"createobject(", MARKUP, ANY, 4},
	{"<ms:script", MARKUP, ANY, 4}, {"<msxsl:script", MARKUP, ANY, 4},

	{"[desktop entry]", ENTRY, FIRST, 4}, {"windows registry editor version", ENTRY, FIRST, 4},
	{"regedit4", ENTRY, FIRST, 4},

	{"w:macrospresent=\"yes\"", OFFICE, ANY, 4}, {"<ooo:source-code", OFFICE, ANY, 4},
	{"qwn0axzltwltzq", OFFICE, ANY,
		4}, /* "ActiveMime" in base64: macros of a document saved as a web archive */
};

#define N_TOKENS SK_ARRAY_SIZE(tokens)

typedef struct Tally {
	uint8_t first[256];   /* 1 + index of the first token that begins with this byte */
	uint64_t pairs[1024]; /* a bit for each two bytes that some token begins with: most text has none of
				 them */
	uint8_t next[N_TOKENS];
	bool seen[N_TOKENS];
	unsigned score[N_LANGUAGES];
} Tally;

_Static_assert(N_TOKENS < 255, "token indices are bytes");

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static void tally_set_pair(Tally *tally, uint8_t first, uint8_t second)
{
	unsigned pair = (unsigned)first << 8 | second;

	tally->pairs[pair / 64] |= 1ull << pair % 64;
}

static bool tally_has_pair(const Tally *tally, const uint8_t *text, size_t size)
{
	unsigned pair = (unsigned)lower(text[0]) << 8 | (size > 1 ? lower(text[1]) : 0);

	return tally->pairs[pair / 64] >> pair % 64 & 1;
}

static void tally_init(Tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	for (size_t i = N_TOKENS; i-- > 0;) {
		uint8_t *first = &tally->first[(uint8_t)tokens[i].text[0]];

		tally_set_pair(tally, (uint8_t)tokens[i].text[0], (uint8_t)tokens[i].text[1]);
		tally->next[i] = *first;
		*first = (uint8_t)(i + 1);
	}
}

static bool token_fits(const char *token, const uint8_t *text, size_t size)
{
	size_t i = 1; /* the first byte was looked up */

	for (; token[i] && i < size; i++)
		if (lower(text[i]) != (uint8_t)token[i])
			return false;
	return token[i] == 0;
}

static void tally_at(Tally *tally, const uint8_t *text, size_t size, Place place)
{
	for (uint8_t i = tally->first[lower(*text)]; i > 0; i = tally->next[i - 1]) {
		const Token *token = &tokens[i - 1];

		if (token->place < place || tally->seen[i - 1] || !token_fits(token->text, text, size))
			continue;
		tally->seen[i - 1] = true;
		tally->score[token->language] += token->weight;
	}
}

/* A line that says nothing yet: comments of batch, Visual Basic, PowerShell, JavaScript and desktop entries.
 */
static bool is_comment(const uint8_t *line, size_t size)
{
	static const char *const marks[] = {"#", "'", "::", "rem ", "//"};

	if (size >= 4 && memcmp(line, "#@~^", 4) == 0)
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(marks); i++)
		if (size >= strlen(marks[i]) && lower(line[0]) == (uint8_t)marks[i][0] &&
			token_fits(marks[i], line, size))
			return true;
	return false;
}

static void tally_text(Tally *tally, const uint8_t *text, size_t size)
{
	bool line_start = true, first = true;

	for (size_t i = 0; i < size; i++) {
		Place place = ANY;

		if (text[i] == '\n' || text[i] == '\r') {
			line_start = true;
			continue;
		}
		if (text[i] == ' ' || text[i] == '\t')
			continue;
		if (line_start) {
			place = first ? FIRST : START;
			if (first && !is_comment(text + i, size - i))
				first = false;
			line_start = false;
		}
		if (tally_has_pair(tally, text + i, size - i))
			tally_at(tally, text + i, size - i, place);
	}
}

static bool looks_binary(const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size && i < 4096; i++)
		if (text[i] < 7 || (text[i] > 13 && text[i] < 32 && text[i] != 27))
			return true;
	return false;
}

static size_t skip_blanks(const uint8_t *text, size_t size)
{
	size_t i = 0;

	while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
		i++;
	return i;
}

static const char *mime_of_text(const uint8_t *text, size_t size)
{
	static const struct {
		const char *begin, *mime;
	} begins[] = {{"<!doctype html", "text/html"}, {"<html", "text/html"}, {"<?xml", "text/xml"},
		{"begin:vcard", "text/vcard"}, {"begin:vcalendar", "text/calendar"}};

	for (size_t i = 0; size > 0 && i < SK_ARRAY_SIZE(begins); i++)
		if (lower(*text) == (uint8_t)begins[i].begin[0] && token_fits(begins[i].begin, text, size))
			return begins[i].mime;
	return "text/plain";
}

static FileType type_of_bytes(const uint8_t *text, size_t size)
{
	size_t blanks = skip_blanks(text, size);
	/* PowerShell's comments begin with <# */
	bool markup = blanks + 1 < size && text[blanks] == '<' && text[blanks + 1] != '#', script;
	FileType type = {0, mime_of_text(text + blanks, size - blanks)};
	Tally tally;

	tally_init(&tally);
	tally_text(&tally, text, size);
	script = tally.score[ENTRY] >= SCORE_SCRIPT;
	if (markup)
		script |= tally.score[MARKUP] >= SCORE_SCRIPT;
	for (unsigned i = BATCH; !markup && i <= JAVASCRIPT; i++)
		script |= tally.score[i] >= SCORE_SCRIPT;
	if (script)
		type = (FileType){SK_TYPE_SCRIPT, markup ? type.mime : "text/x-script"};
	if (tally.score[OFFICE] >= SCORE_SCRIPT)
		type.types |= SK_TYPE_MACRO_DOCUMENT;
	return type;
}

/* UTF-16 as one byte a character; what is not ASCII becomes a letter that no token has. */
static FileType type_of_utf16(const uint8_t *data, size_t size, bool big_endian)
{
	size_t length = (size < 2 * TEXT_LOOK_MAX ? size : 2 * TEXT_LOOK_MAX) / 2;
	own_free uint8_t *text = malloc(length + 1);

	if (!text)
		return (FileType){0, "text/plain"};
	for (size_t i = 0; i < length; i++) {
		uint8_t low = data[2 * i + big_endian], high = data[2 * i + !big_endian];

		text[i] = high == 0 ? low : 0x80;
	}
	return type_of_bytes(text, length);
}

FileType filetype_of_text(const uint8_t *data, size_t size)
{
	if (size >= 2 && data[0] == 0xff && data[1] == 0xfe)
		return type_of_utf16(data + 2, size - 2, false);
	if (size >= 2 && data[0] == 0xfe && data[1] == 0xff)
		return type_of_utf16(data + 2, size - 2, true);
	if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
		data += 3, size -= 3;
	if (size >= 2 && data[0] == '#' && data[1] == '!')
		return (FileType){SK_TYPE_SCRIPT, "text/x-script"};
	if (size > TEXT_LOOK_MAX)
		size = TEXT_LOOK_MAX;
	if (looks_binary(data, size))
		return (FileType){0, NULL};
	return type_of_bytes(data, size);
}
