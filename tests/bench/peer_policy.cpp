/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USBGuard's side of bench_policy: peer_policy DIRECTORY prints "PARSE_NS DECIDE_NS SUM_OF_LINES".
 */
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <usbguard/MemoryRuleSet.hpp>
#include <usbguard/Rule.hpp>

static double now_ns()
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static std::vector<std::string> read_lines(const std::string &path)
{
	std::ifstream in(path);
	std::vector<std::string> lines;

	for (std::string line; std::getline(in, line);)
		lines.push_back(line);
	return lines;
}

template <typename Work> static double median_of(unsigned rounds, Work work)
{
	std::vector<double> times;

	for (unsigned i = 0; i < rounds; i++) {
		const double begin = now_ns();
		work();
		times.push_back(now_ns() - begin);
	}
	std::sort(times.begin(), times.end());
	return times[times.size() / 2];
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	const auto lines = read_lines(std::string(argv[1]) + "/rules");
	std::vector<std::shared_ptr<usbguard::Rule>> devices;
	usbguard::MemoryRuleSet rules(nullptr);
	const unsigned rounds = lines.size() <= 1000 ? 9 : 3;
	const unsigned repeat = lines.size() < 100 ? 100 : 1;
	size_t sum = 0, parsed = 0;

	for (const auto &line : read_lines(std::string(argv[1]) + "/devices"))
		devices.push_back(std::make_shared<usbguard::Rule>(usbguard::Rule::fromString("device " + line)));
	rules.setDefaultTarget(usbguard::Rule::Target::Block);
	const double parse = median_of(rounds, [&] {
		/* what its own reader of files does */
		for (unsigned i = 0; i < repeat; i++) {
			usbguard::MemoryRuleSet loaded(nullptr);

			for (const auto &line : lines)
				loaded.appendRule(usbguard::Rule::fromString(line));
			parsed += loaded.getRules().size();
		}
	}) / repeat;
	std::vector<std::shared_ptr<const usbguard::Rule>> known;
	for (const auto &line : lines)
		rules.appendRule(usbguard::Rule::fromString(line));
	const auto all = rules.getRules();
	const double decide = median_of(rounds, [&] {
		for (unsigned i = 0; i < repeat; i++)
			for (const auto &device : devices)
				known.push_back(rules.getFirstMatchingRule(device));
	});
	for (size_t i = 0; i < devices.size(); i++)
		for (size_t line = 0; line < all.size(); line++)
			if (all[line] == known[i])
				sum += line + 1;
	if (!parsed)
		return 1;
	std::printf("%f %f %zu\n", parse / lines.size(), decide / (devices.size() * repeat), sum);
	return 0;
}
