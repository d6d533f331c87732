// npm policyfile: node policyfile.cjs PACKAGE PORT.
require(process.argv[2]).createServer().add("*:40132").listen(Number(process.argv[3]));
