/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USBGuard's own library behind the protocol described in policy_ours.c.
 */
#include <iostream>
#include <memory>
#include <string>

#include <usbguard/MemoryRuleSet.hpp>
#include <usbguard/Rule.hpp>

static std::unique_ptr<usbguard::MemoryRuleSet> rules;

static void forget()
{
	rules = std::make_unique<usbguard::MemoryRuleSet>(nullptr);
	rules->setDefaultTarget(usbguard::Rule::Target::Block);
}

static bool append(const std::string &text)
{
	if (text.empty())
		return true; /* its readers skip empty lines before they parse */
	try {
		const usbguard::Rule rule = usbguard::Rule::fromString(text);

		if (rule) {
			rules->appendRule(rule);
		}
		return true;
	} catch (...) {
		return false;
	}
}

static void decide(const std::string &text)
{
	try {
		auto device = std::make_shared<usbguard::Rule>(
			usbguard::Rule::fromString(text.empty() ? "device" : "device " + text));
		auto found = rules->getFirstMatchingRule(device);
		size_t number = 0, position = 0;

		for (const auto &rule : rules->getRules()) {
			position++;
			if (rule.get() == found.get())
				number = position;
		}
		std::cout << number << "\n";
	} catch (...) {
		std::cout << "no\n";
	}
}

int main()
{
	std::string line;

	forget();
	while (std::getline(std::cin, line) && !line.empty()) {
		const std::string text = line.size() > 2 ? line.substr(2) : std::string();

		if (line[0] == 'X')
			forget();
		if (line[0] == 'D')
			decide(text);
		else
			std::cout << (line[0] == 'X' || append(text) ? "ok\n" : "no\n");
	}
	return 0;
}
