!function(){var a=1}();
